// The floor below ADD and DEL: the same kernel operations, by the same code, with nothing around
// them. No process is started, no socket is asked, no address is reserved, no file is written.

import { closeSync } from 'node:fs';
import { makeHostSide, makePodSide } from '../../src/cni/endpoint-kernel.ts';
import type { Attachment } from '../../src/endpoint/attachment.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry, openNetns } from '../../src/kernel/netns.ts';
import { Workspace } from '../../src/kernel/workspace.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Ip } from '../../src/net/ip.ts';
import { attachmentOf } from '../fake/attachment.ts';

/** Preferred source of the routes to pods; the host has to have it. */
export const SOURCE = '10.99.0.0' as Ip;

export type FloorTimes = { readonly addMs: readonly number[]; readonly delMs: readonly number[] };

/** One pod after the other is attached to the host, then all are detached again. */
export async function measureFloor(host: string, pods: readonly string[]): Promise<FloorTimes> {
  const registry = new NetnsRegistry();
  const workspace = new Workspace();
  const common = {
    procSysRoot: '/proc/sys/net',
    netnsRegistry: registry,
    workspace,
    log: silentLog,
  };
  const { fd } = openNetns(`/run/netns/${host}`);
  const kernel = openKernel({ ...common, netns: fd });
  const stop = kernel.watch(() => undefined);
  const times = { addMs: [] as number[], delMs: [] as number[] };
  const attachments = pods.map((pod, index) =>
    attachmentOf(pod, [`10.99.${index >> 8}.${(index % 250) + 2}` as Ip]),
  );
  try {
    for (const attachment of attachments) {
      const startedMs = performance.now();
      const pod = openNetns(attachment.netns);
      const release = registry.hold(attachment.netns, pod.fd);
      const podKernel = openKernel({ ...common, netns: pod.fd, isBrief: true });
      await attach(attachment, kernel, podKernel);
      podKernel.close();
      release();
      closeSync(pod.fd);
      times.addMs.push(performance.now() - startedMs);
    }
    for (const { hostLink } of attachments) times.delMs.push(await detach(hostLink, kernel));
  } finally {
    stop();
    kernel.close();
    closeSync(fd);
  }
  return times;
}

async function attach(attachment: Attachment, host: Kernel, pod: Kernel): Promise<void> {
  await makeHostSide(host, attachment, [SOURCE]);
  await makePodSide(pod, attachment, host.peerIndexOf(attachment.hostLink));
  await host.settleLinks([attachment.hostLink]);
}

/** Until the link is gone; the kernel is then given the time to be done with it. */
async function detach(hostLink: string, host: Kernel): Promise<number> {
  const startedMs = performance.now();
  let goneMs: number | undefined;
  await host.removeLinks([hostLink], () => {
    goneMs = performance.now() - startedMs;
  });
  if (goneMs === undefined) throw new Error(`${hostLink} was not removed`);
  return goneMs;
}
