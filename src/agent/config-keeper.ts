// Keeps the configuration that the node works by: the last text that was valid. A bad edit changes
// nothing but what is said about it. The last good text is also kept on disk, so that an agent that
// restarts while a bad edit stands goes on as before: format 2 is JSON with the text in it, format
// 1 was the text alone.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { ConfigText } from '../cluster/cluster.ts';
import type { Config, ConfigParse, ConfigProblem } from '../config/config.ts';
import {
  checkAgainstNode,
  checkAgainstRunning,
  checkAgainstSubnets,
  parseConfig,
} from '../config/parse.ts';
import { describeError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { asidePath, formatVersionOf, newerFormat } from '../lib/state-format.ts';
import type { Cidr } from '../net/cidr.ts';
import { containsCidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';

const FILE_NAME = 'last-good-net-conf.json';
const VERSION = 2;
const fileSchema = z.object({ version: z.literal(VERSION), text: z.string() });

export type ConfigKeeperOptions = {
  readonly stateDir: string;
  /** The node's own addresses: all but those that a network of these prefixes gave it. */
  readonly nodeAddresses: (networks: readonly Cidr[]) => readonly Ip[];
  readonly log: Log;
};

export class ConfigKeeper {
  readonly #path: string;
  readonly #nodeAddresses: (networks: readonly Cidr[]) => readonly Ip[];
  readonly #log: Log;
  #seen: ConfigText | undefined;
  #ownSubnets: readonly Cidr[] = [];
  #good: Config | undefined;
  #origin = '';
  /** The text in the file, as far as this process has read or written it. */
  #onDisk: string | undefined;
  #problems: readonly ConfigProblem[] = [];

  constructor({ stateDir, nodeAddresses, log }: ConfigKeeperOptions) {
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

  /** What is wrong with the newest text; empty while that is in force. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems;
  }

  /** Takes the newest text; costs nothing when that and the node's subnets are as before. */
  offer(text: ConfigText, ownSubnets: readonly Cidr[]): void {
    const isSame = this.#seen?.text === text.text && this.#seen.origin === text.origin;
    if (isSame && this.#ownSubnets.join() === ownSubnets.join()) return;
    this.#seen = text;
    this.#ownSubnets = ownSubnets;
    if (this.#good === undefined) this.#recall();
    const parsed = this.#parse(text.text, this.#subnetsInUse());
    if (parsed.kind === 'ok') {
      this.#good = parsed.config;
      this.#origin = text.origin;
      this.#problems = [];
      this.#store(text.text);
      return;
    }
    this.#problems = parsed.problems;
  }

  /** Own subnets that the configuration in force has a place for. */
  #subnetsInUse(): readonly Cidr[] {
    const networks = this.#good?.families.map(({ network }) => network) ?? [];
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
    ];
    return problems.length === 0 ? parsed : { kind: 'invalid', problems };
  }

  #store(text: string): void {
    if (text === this.#onDisk) return;
    const temporary = `${this.#path}.tmp`;
    try {
      const json = JSON.stringify({ version: VERSION, text }, null, 2);
      writeFileSync(temporary, `${json}\n`, { mode: 0o600 });
      renameSync(temporary, this.#path);
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
