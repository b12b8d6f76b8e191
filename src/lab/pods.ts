// The lab's pods: a network namespace each, attached to its node by the real CNI executable.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parsePrefix } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { CniAttachmentCall, CniHost, CniResult } from './cni-client.ts';
import { callCni } from './cni-client.ts';
import type { RunCommand } from './command.ts';
import { mustRun } from './command.ts';
import type { LabDirectory } from './lab-directory.ts';
import { netnsPath } from './netns.ts';
import type { LabNode, LabPod } from './plan.ts';

/** What is known of an attached pod: CHECK and DEL want the result back. */
export type PodRecord = LabPod & { readonly result: CniResult };

const INTERFACE = 'eth0';

export async function attachPod(
  run: RunCommand,
  directory: LabDirectory,
  place: { readonly node: LabNode; readonly pod: LabPod },
): Promise<PodRecord> {
  const { node, pod } = place;
  await mustRun(run, ['ip', 'netns', 'add', pod.netns]);
  // What a runtime does by the `loopback` plugin before any other.
  await mustRun(run, ['ip', '-n', pod.netns, 'link', 'set', 'lo', 'up']);
  const call = { ...callOf(pod), verb: 'ADD' } as const;
  const result = await callCni(run, hostOf(directory, node), call);
  if (result === undefined) throw new TypeError('ADD gave no result');
  const record = { ...pod, result };
  mkdirSync(podsDirectory(directory), { recursive: true });
  writeFileSync(recordFile(directory, pod.name), JSON.stringify(record));
  return record;
}

export function podRecords(directory: LabDirectory): PodRecord[] {
  const files = podsDirectory(directory);
  if (!existsSync(files)) return [];
  return readdirSync(files)
    .sort()
    .map((file) => JSON.parse(readFileSync(join(files, file), 'utf8')) as PodRecord);
}

export const forgetPod = (directory: LabDirectory, name: string): void =>
  rmSync(recordFile(directory, name), { force: true });

export const addressesOf = ({ result }: PodRecord): Ip[] =>
  result.ips.flatMap(({ address }) => {
    const parts = parsePrefix(address);
    return parts === undefined ? [] : [parts.address];
  });

/** What the pod may send, where the result says it (CNI 1.1.0). */
export const routeMtuBytesOf = ({ result }: PodRecord): number | undefined =>
  result.routes.find(({ mtu }) => mtu !== undefined)?.mtu;

export const hostOf = (directory: LabDirectory, node: LabNode): CniHost => {
  const { cniConfDir, cniBinDir } = directory.node(node.name);
  return { netns: node.netns, confDir: cniConfDir, binDir: cniBinDir };
};

export const callOf = (pod: LabPod): CniAttachmentCall => ({
  containerId: pod.netns,
  ifName: INTERFACE,
  podNetns: netnsPath(pod.netns),
  podName: pod.name,
});

const podsDirectory = (directory: LabDirectory): string => join(directory.path, 'pods');
const recordFile = (directory: LabDirectory, name: string): string =>
  join(podsDirectory(directory), `${name}.json`);
