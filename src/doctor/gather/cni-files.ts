// The files that a container runtime takes its network from, in the order in which it looks at
// them: by name, and of these endings only (libcni's ConfFiles).

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import * as z from 'zod';
import { describeError } from '../../lib/errors.ts';
import type { CniFile, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';

const ENDINGS = new Set(['.conf', '.conflist', '.json']);

const pluginSchema = z.object({ type: z.string() });
const fileSchema = z.object({
  name: z.string().default(''),
  type: z.string().optional(),
  plugins: z.array(pluginSchema).optional(),
});

export function readCniFiles(directory: string): Known<readonly CniFile[]> {
  try {
    const names = readdirSync(directory).filter((name) => ENDINGS.has(extname(name)));
    return known(names.toSorted().map((name) => read(directory, name)));
  } catch (error) {
    return unknown(`${directory} cannot be read: ${describeError(error)}`);
  }
}

function read(directory: string, name: string): CniFile {
  try {
    const json: unknown = JSON.parse(readFileSync(join(directory, name), 'utf8'));
    const { name: network, type, plugins = [] } = fileSchema.parse(json);
    const types = plugins.map((plugin) => plugin.type);
    return { name, network, plugins: type === undefined ? types : [type, ...types] };
  } catch {
    return { name, network: '', plugins: [] };
  }
}
