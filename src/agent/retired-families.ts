// Families of earlier configurations that are not in the one in force: pods may have addresses of
// them for a long time yet. They are kept on disk, since the text of the configuration need not
// name them any more, and written before the configuration without them is. Who still needs them is
// decided elsewhere (src/desired/families.ts); this only remembers.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Config, FamilyConfig } from '../config/config.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { writeWhole } from '../lib/whole-file.ts';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, parseCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import { FAMILIES } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';

const FILE_NAME = 'retired-families.json';

export class RetiredFamilies {
  readonly #path: string;
  readonly #log: Log;
  #families: readonly FamilyConfig[];

  constructor(stateDir: string, log: Log) {
    this.#path = join(stateDir, FILE_NAME);
    this.#log = log;
    this.#families = this.#read();
  }

  /** In the order IPv4, IPv6; none that is in the configuration in force. */
  get all(): readonly FamilyConfig[] {
    return this.#families;
  }

  /** To be told before `after` is in force, or written anywhere. */
  replace(before: Config | undefined, after: Config): void {
    const isIn = ({ families }: Config, family: Family): boolean =>
      families.some((each) => each.family === family);
    const dropped = before?.families.filter(({ family }) => !isIn(after, family)) ?? [];
    const older = this.#families.filter(
      ({ family }) => !isIn(after, family) && !dropped.some((each) => each.family === family),
    );
    this.#set([...older, ...dropped]);
  }

  /** Nobody needs it any more, and nothing of it is left on this node. */
  forget(family: Family): void {
    this.#set(this.#families.filter((each) => each.family !== family));
  }

  #set(families: readonly FamilyConfig[]): void {
    const sorted = FAMILIES.flatMap((family) => families.filter((each) => each.family === family));
    if (JSON.stringify(sorted) === JSON.stringify(this.#families)) return;
    this.#families = sorted;
    try {
      if (sorted.length === 0) {
        rmSync(this.#path, { force: true });
        return;
      }
      writeWhole(this.#path, render(sorted));
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, `${this.#path} could not be written`);
    }
  }

  #read(): readonly FamilyConfig[] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return []; // The usual case: no family was ever dropped.
    }
    const families = parse(text);
    if (families === undefined) this.#log.warn({}, `${this.#path} is not understood: ignored`);
    return families ?? [];
  }
}

const render = (families: readonly FamilyConfig[]): string =>
  `${JSON.stringify({ version: 1, families }, null, 2)}\n`;

const cidrSchema = z.custom<Cidr>((value) => typeof value === 'string' && isCidr(value));
const ipSchema = z.custom<Ip>((value) => typeof value === 'string' && parseIp(value) === value);
const isCidr = (text: string): boolean => parseCidr(text) === text;

const fileSchema = z.object({
  version: z.literal(1),
  families: z.array(
    z
      .object({
        family: z.enum(['ipv4', 'ipv6']),
        network: cidrSchema,
        subnetLengthBits: z.int().min(1).max(128),
        subnetMin: ipSchema,
        subnetMax: ipSchema,
      })
      .refine(
        ({ family, network, subnetMin, subnetMax }) =>
          [cidrFamily(network), familyOf(subnetMin), familyOf(subnetMax)].every(
            (each) => each === family,
          ),
        'its members are of two families',
      ),
  ),
});

function parse(text: string): readonly FamilyConfig[] | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return fileSchema.safeParse(json).data?.families;
}
