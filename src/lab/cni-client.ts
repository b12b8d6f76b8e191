// Calls a node's CNI chain as a container runtime does: reads the conflist, picks the version as
// libcni does, runs each plugin with its configuration on stdin, and hands the last result to DEL
// and CHECK. It exists so that a lab's pods come by the real executable and nothing else.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { AppError } from '../lib/errors.ts';
import type { RunCommand } from './command.ts';

export type CniHost = {
  /** Network namespace of the node, as `ip netns` names it. */
  readonly netns: string;
  readonly confDir: string;
  readonly binDir: string;
};

export type CniAttachmentCall = {
  readonly containerId: string;
  readonly ifName: string;
  /** Path of the pod's namespace. */
  readonly podNetns: string;
  readonly podName: string;
};

export type CniVerb = 'ADD' | 'DEL' | 'CHECK';

const conflistSchema = z.looseObject({
  name: z.string(),
  cniVersion: z.string(),
  cniVersions: z.array(z.string()).optional(),
  plugins: z.array(z.looseObject({ type: z.string() })).min(1),
});

type Conflist = z.infer<typeof conflistSchema>;

export type CniResult = z.infer<typeof resultSchema>;
const resultSchema = z.looseObject({
  cniVersion: z.string(),
  ips: z.array(z.looseObject({ address: z.string() })).default([]),
  routes: z.array(z.looseObject({ mtu: z.number().optional() })).default([]),
});

/** The last result of an ADD; undefined for other verbs. Rejects with the plugin's own words. */
export async function callCni(
  run: RunCommand,
  host: CniHost,
  call: CniAttachmentCall & { readonly verb: CniVerb; readonly prevResult?: CniResult },
): Promise<CniResult | undefined> {
  const conflist = readConflist(host.confDir);
  const cniVersion = newestOf(conflist);
  const plugins = call.verb === 'DEL' ? conflist.plugins.toReversed() : conflist.plugins;
  let result = call.prevResult;
  for (const plugin of plugins) {
    const config = { ...plugin, name: conflist.name, cniVersion };
    const input = result === undefined ? config : { ...config, prevResult: result };
    const stdout = await execute(run, host, { ...call, type: plugin.type, input });
    if (call.verb === 'ADD') result = resultSchema.parse(JSON.parse(stdout));
  }
  return call.verb === 'ADD' ? result : undefined;
}

function readConflist(confDir: string): Conflist {
  const [name] = readdirSync(confDir)
    .filter((file) => file.endsWith('.conflist'))
    .sort();
  if (name === undefined) {
    throw new AppError('LAB', 'attach a pod', `there is no conflist in ${confDir} yet`);
  }
  return conflistSchema.parse(JSON.parse(readFileSync(join(confDir, name), 'utf8')));
}

/** What libcni 1.2 and later do with `cniVersions`. */
function newestOf({ cniVersion, cniVersions = [] }: Conflist): string {
  const number = (version: string): number =>
    version.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0);
  return [cniVersion, ...cniVersions].sort((a, b) => number(b) - number(a))[0] ?? cniVersion;
}

type Execution = CniAttachmentCall & {
  readonly verb: CniVerb;
  readonly type: string;
  readonly input: unknown;
};

async function execute(run: RunCommand, host: CniHost, execution: Execution): Promise<string> {
  const { verb, type, input, podName } = execution;
  const env = {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: verb,
    CNI_CONTAINERID: execution.containerId,
    CNI_NETNS: execution.podNetns,
    CNI_IFNAME: execution.ifName,
    CNI_PATH: host.binDir,
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${podName}`,
  };
  const argv = ['ip', 'netns', 'exec', host.netns, join(host.binDir, type)];
  const result = await run(argv, { input: JSON.stringify(input), env });
  if (result.exitCode === 0) return result.stdout;
  throw new AppError(
    'LAB',
    `CNI ${verb} of ${podName}`,
    result.stdout.trim() || result.stderr.trim(),
  );
}
