// Keeps the configuration that the node works by: the last text that was valid. A bad edit changes
// nothing but what is said about it. The last good text is also kept on disk, so that an agent that
// restarts while a bad edit stands goes on as before: format 2 is JSON with the text in it, format
// 1 was the text alone.

import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { ConfigText } from '../cluster/cluster.ts';
import type { Config, ConfigParse, ConfigProblem, FamilyConfig } from '../config/config.ts';
import {
  checkAgainstNode,
  checkAgainstRetired,
  checkAgainstRunning,
  checkAgainstSubnets,
  parseConfig,
} from '../config/parse.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { asidePath, formatVersionOf, newerFormat } from '../lib/state-format.ts';
import { writeWhole } from '../lib/whole-file.ts';
import type { Cidr } from '../net/cidr.ts';
import { containsCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { RetiredFamilies } from './retired-families.ts';

const FILE_NAME = 'last-good-net-conf.json';
const VERSION = 2;
const fileSchema = z.object({ version: z.literal(VERSION), text: z.string() });

/** As the last agent of this node wrote it; undefined when there is none that can be read. */
export function readLastGood(stateDir: string): Config | undefined {
  try {
    const json: unknown = JSON.parse(readFileSync(join(stateDir, FILE_NAME), 'utf8'));
    const parsed = parseConfig(fileSchema.parse(json).text);
    return parsed.kind === 'ok' ? parsed.config : undefined;
  } catch {
    return undefined;
  }
}

export type ConfigKeeperOptions = {
  readonly stateDir: string;
  /** The node's own addresses: all but those that a network of these prefixes gave it. */
  readonly nodeAddresses: (networks: readonly Cidr[]) => readonly Ip[];
  readonly log: Log;
};

export type OfferedText = ConfigText & {
  /** It is of the snapshot on disk, which may be some seconds behind. */
  readonly isRemembered?: boolean;
};

export class ConfigKeeper {
  readonly #path: string;
  readonly #nodeAddresses: (networks: readonly Cidr[]) => readonly Ip[];
  readonly #log: Log;
  #seen: OfferedText | undefined;
  #ownSubnets: readonly Cidr[] = [];
  #good: Config | undefined;
  #origin = '';
  /** The text in the file, as far as this process has read or written it. */
  #onDisk: string | undefined;
  #problems: readonly ConfigProblem[] = [];
  readonly #retired: RetiredFamilies;

  constructor({ stateDir, nodeAddresses, log }: ConfigKeeperOptions) {
    this.#retired = new RetiredFamilies(stateDir, log);
    this.#path = join(stateDir, FILE_NAME);
    this.#nodeAddresses = nodeAddresses;
    this.#log = log;
  }

  /** The configuration in force; undefined until there was a valid one. */
  get config(): Config | undefined {
    return this.#good;
  }

  /** Where the configuration in force came from. */
  get origin(): string {
    return this.#origin;
  }

  /** Families of earlier ones that are not in it, until they are forgotten. */
  get retired(): readonly FamilyConfig[] {
    return this.#retired.all;
  }

  forgetRetired(family: Family): void {
    this.#retired.forget(family);
  }

  /** What is wrong with the newest text; empty while that is in force. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** Takes the newest text; costs nothing when that and the node's subnets are as before. */
  offer(text: OfferedText, ownSubnets: readonly Cidr[]): void {
    const isSame = JSON.stringify(text) === JSON.stringify(this.#seen);
    if (isSame && this.#ownSubnets.join() === ownSubnets.join()) return;
    this.#seen = text;
    this.#ownSubnets = ownSubnets;
    if (this.#good === undefined) this.#recall();
    const parsed = this.#parse(text.text, this.#subnetsInUse());
    // The last good one is written at once: a good one of the snapshot is that, or one before it.
    const isOlder = text.isRemembered === true && this.#good !== undefined;
    if (parsed.kind === 'ok' && isOlder) {
      this.#problems = [];
    } else if (parsed.kind === 'ok') {
      this.#retired.replace(this.#good, parsed.config);
      this.#good = parsed.config;
      this.#origin = text.origin;
      this.#problems = [];
      this.#store(text.text);
    } else {
      this.#problems = parsed.problems;
    }
  }

  /** Own subnets that the configuration in force, or one before, has a place for. */
  #subnetsInUse(): readonly Cidr[] {
    const families = [...(this.#good?.families ?? []), ...this.#retired.all];
    const networks = families.map(({ network }) => network);
    return this.#ownSubnets.filter((subnet) =>
      networks.some((network) => containsCidr(network, subnet)),
    );
  }

  /** Valid in itself and on this node: its addresses are outside of the network, its subnets in. */
  #parse(text: string, subnetsInUse: readonly Cidr[]): ConfigParse {
    const parsed = parseConfig(text);
    if (parsed.kind !== 'ok') return parsed;
    const networks = parsed.config.families.map(({ network }) => network);
    const problems = [
      ...checkAgainstNode(parsed.config, this.#nodeAddresses(networks)),
      ...checkAgainstSubnets(parsed.config, subnetsInUse),
      ...(this.#good === undefined ? [] : checkAgainstRunning(parsed.config, this.#good)),
      ...checkAgainstRetired(parsed.config, this.#retiredBy(parsed.config)),
    ];
    return problems.length === 0 ? parsed : { kind: 'invalid', problems };
  }

  /** Families that this configuration does not name, though pods may have them. */
  #retiredBy(config: Config): readonly Family[] {
    const before = [...(this.#good?.families ?? []), ...this.#retired.all];
    return before
      .map(({ family }) => family)
      .filter((family) => !config.families.some((each) => each.family === family));
  }

  #store(text: string): void {
    if (text === this.#onDisk) return;
    try {
      const json = JSON.stringify({ version: VERSION, text }, null, 2);
      writeWhole(this.#path, `${json}\n`);
      this.#onDisk = text;
    } catch (error) {
      this.#log.warn({ error: describeError(error) }, `${this.#path} could not be written`);
    }
  }

  #recall(): void {
    const text = this.#read();
    // There never was a good one on this node: `problems` says what to do.
    if (text === undefined) return;
    const parsed = this.#parse(text, []);
    if (parsed.kind !== 'ok') return;
    this.#good = parsed.config;
    this.#origin = this.#path;
  }

  #read(): string | undefined {
    let content: string;
    try {
      content = readFileSync(this.#path, 'utf8');
    } catch {
      return undefined;
    }
    let json: unknown;
    try {
      json = JSON.parse(content);
    } catch {
      return content;
    }
    const version = formatVersionOf(json);
    if (version > VERSION) {
      this.#setAside(version);
      return undefined;
    }
    const parsed = fileSchema.safeParse(json);
    if (!parsed.success) return content;
    this.#onDisk = parsed.data.text;
    return parsed.data.text;
  }

  #setAside(version: number): void {
    const aside = asidePath(this.#path, version);
    const problem = newerFormat(version, VERSION);
    try {
      renameSync(this.#path, aside);
      this.#log.warn({ path: this.#path, aside, problem }, 'a file is set aside');
    } catch (error) {
      this.#log.warn({ path: this.#path, problem, error: describeError(error) }, 'a file stays');
    }
  }
}
