// Calls a node's CNI executable directly, with whatever environment a test wants: as a runtime
// does, but without a conflist, side by side, and with failures as values.

import { join } from 'node:path';
import type { CommandResult } from '../../src/lab/command.ts';
import { runCommand } from '../../src/lab/command.ts';
import { netnsPath } from '../../src/lab/netns.ts';
import { parsePrefix } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { TestLab } from './lab.ts';

export type CniCall = {
  readonly node: string;
  readonly verb: 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS';
  readonly containerId?: string;
  /** Name of the pod's namespace. */
  readonly netns?: string;
  readonly timeoutMs?: number;
  /** Joined into the network configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
};

export type CniOutcome = {
  readonly exitCode: number;
  /** The result, or the error object. */
  readonly json: Record<string, unknown>;
  readonly stderr: string;
};

const CONFIG = { cniVersion: '1.1.0', name: 'poplin', type: 'poplin' };
const TIMEOUT_MS = 120_000;

export async function cni(lab: TestLab, call: CniCall): Promise<CniOutcome> {
  const { cniBinDir } = lab.directory.node(call.node);
  const env = {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: call.verb,
    CNI_PATH: cniBinDir,
    ...(call.containerId === undefined
      ? {}
      : {
          CNI_CONTAINERID: call.containerId,
          CNI_IFNAME: 'eth0',
          CNI_NETNS: call.netns === undefined ? '' : netnsPath(call.netns),
        }),
  };
  // `ip netns exec` copies all mounts, one for each pod among them: longer work than the call.
  const enter = ['nsenter', `--net=${netnsPath(lab.netns(call.node))}`];
  const argv = [...enter, join(cniBinDir, 'poplin')];
  const timeoutMs = call.timeoutMs ?? TIMEOUT_MS;
  const input = JSON.stringify({ ...CONFIG, ...call.config });
  return outcomeOf(await runCommand(argv, { input, env, timeoutMs }));
}

function outcomeOf({ exitCode, stdout, stderr }: CommandResult): CniOutcome {
  const json: unknown = stdout.trim() === '' ? {} : JSON.parse(stdout);
  return { exitCode, json: json as Record<string, unknown>, stderr };
}

export function addressesIn({ json }: CniOutcome): Ip[] {
  const ips = (json.ips ?? []) as readonly { readonly address: string }[];
  return ips.flatMap(({ address }) => parsePrefix(address)?.address ?? []);
}
