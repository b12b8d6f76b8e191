// What the agent keeps on disk and the doctor needs while the agent is away: the configuration in
// force, the peers that it knew last, and its attachments. Only read.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { parseCluster } from '../../agent/snapshot.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import { parseAttachment, parseFileName } from '../../cni/attachment-file.ts';
import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/parse.ts';
import type { Attachment } from '../../endpoint/attachment.ts';
import { describeError } from '../../lib/errors.ts';
import type { Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const textSchema = z.object({ text: z.string() });
const ownerSchema = z.object({ node: z.string(), machine: z.string() });

export function readConfig(stateDir: string): Known<Config> {
  const path = join(stateDir, 'last-good-net-conf.json');
  const content = readText(path);
  if (!content.known) return content;
  const parsed = parseConfig(textOf(content.value));
  if (parsed.kind === 'ok') return known(parsed.config);
  return unknown(`${path} holds no configuration that is understood`);
}

/** Format 1 was the text alone. */
function textOf(content: string): string {
  try {
    return textSchema.safeParse(JSON.parse(content)).data?.text ?? content;
  } catch {
    return content;
  }
}

/** All nodes but this one. */
export function readPeers(stateDir: string, nodeName: string): Known<readonly ClusterNode[]> {
  const path = join(stateDir, 'cluster.json');
  const content = readText(path);
  if (!content.known) return content;
  try {
    const owner = ownerSchema.parse(JSON.parse(content.value));
    const parsed = parseCluster(content.value, owner);
    if (parsed.kind !== 'ok') return unknown(`${path}: ${parsed.problem}`);
    return known([...parsed.value.nodes.values()].filter(({ name }) => name !== nodeName));
  } catch {
    return unknown(`${path} is not understood`);
  }
}

/** Those that are understood. */
export function readAttachments(stateDir: string): readonly Attachment[] {
  const directory = join(stateDir, 'attachments');
  return namesIn(directory).flatMap((file) => {
    const name = parseFileName(file);
    const content = readText(join(directory, file));
    if (name === undefined || name.isPending || !content.known) return [];
    const parsed = parseAttachment(content.value, name);
    return parsed.kind === 'ok' ? [parsed.attachment] : [];
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // No pod was ever started here.
  }
}

function readText(path: string): Known<string> {
  try {
    return known(readFileSync(path, 'utf8'));
  } catch (error) {
    return unknown(`${path} cannot be read: ${describeError(error)}`);
  }
}
