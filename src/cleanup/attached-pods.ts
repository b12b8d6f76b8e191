// The pods of this node that would lose their network: those whose attachment is on disk, without a
// DEL that only waits for an agent, and whose link or namespace is still there; and links of pods
// that no file knows of. Nothing is written, unlike by the store of the agent.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AttachmentFileName } from '../cni/attachment-file.ts';
import { parseAttachment, parseFileName } from '../cni/attachment-file.ts';
import { systemFiles } from '../cni/store-files.ts';
import { tombstoneNameOf } from '../cni/tombstones.ts';
import type { Attachment } from '../endpoint/attachment.ts';
import type { Ip } from '../net/ip.ts';
import { isPodLink } from '../state/own.ts';

export type AttachedPod = { readonly what: string; readonly addresses: readonly Ip[] };

export function attachedPods(stateDir: string, links: Iterable<string>): readonly AttachedPod[] {
  const present = new Set([...links].filter(isPodLink));
  const tombstones = new Set(systemFiles.list(join(stateDir, 'tombstones')));
  const directory = join(stateDir, 'attachments');
  const known = new Set<string>();
  const pods: AttachedPod[] = [];
  for (const file of systemFiles.list(directory)) {
    const name = parseFileName(file);
    if (name === undefined) continue;
    known.add(name.hostLink);
    const attachment = readAttachment(join(directory, file), name);
    if (attachment !== undefined && tombstones.has(tombstoneNameOf(attachment))) continue;
    const isThere = present.has(name.hostLink) || existsSync(attachment?.netns ?? '');
    if (isThere) pods.push({ what: wordsOf(name, attachment), addresses: name.addresses });
  }
  for (const link of present) {
    if (!known.has(link)) pods.push({ what: `a pod by ${link}`, addresses: [] });
  }
  return pods;
}

function readAttachment(path: string, name: AttachmentFileName): Attachment | undefined {
  try {
    const parsed = parseAttachment(systemFiles.read(path).toString('utf8'), name);
    return parsed.kind === 'ok' ? parsed.attachment : undefined;
  } catch {
    return undefined; // It went this moment, or another version of Poplin wrote it.
  }
}

function wordsOf({ hostLink, addresses }: AttachmentFileName, attachment?: Attachment): string {
  const { pod, containerId } = attachment ?? {};
  const name = pod === undefined ? (containerId ?? 'a pod') : `${pod.namespace}/${pod.name}`;
  return `${name} (${addresses.join(', ')}) by ${hostLink}`;
}
