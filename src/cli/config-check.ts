// `poplin config check FILE`: what the agent would make of a net-conf.json, before it is in the
// cluster. It reads that one file and nothing else, so it works anywhere; whether a network
// overlaps with a node's own addresses only that node's `status` can say.

import { readFile } from 'node:fs/promises';
import type { Config, FamilyConfig } from '../config/config.ts';
import { parseConfig } from '../config/parse.ts';
import { renderProblem } from '../config/problems.ts';
import { describeError } from '../lib/errors.ts';
import { ADDRESS_BITS, FAMILY_LABEL } from '../net/family.ts';
import { ipToBigInt } from '../net/ip.ts';
import type { CommandIo } from './io.ts';
import { EXIT_USAGE } from './io.ts';

export type ConfigCheckIo = {
  readFile(path: string): Promise<string>;
  /** One line each, without the line break. */
  out(line: string): void;
  err(line: string): void;
};

/** The exit code: 0 when the configuration is fine, 2 when it or the call is not. */
export async function configCheck(path: string, io: ConfigCheckIo): Promise<0 | 2> {
  let text: string;
  try {
    text = await io.readFile(path);
  } catch (error) {
    io.err(`${path} cannot be read: ${describeError(error)}`);
    return 2;
  }
  const parsed = parseConfig(text);
  if (parsed.kind === 'ok') {
    for (const line of describeConfig(path, parsed.config)) io.out(line);
    return 0;
  }
  const count = parsed.problems.length;
  io.err(`${path} is not usable: ${count} ${count === 1 ? 'problem' : 'problems'}`);
  for (const found of parsed.problems) io.err(`  ${renderProblem(found)}`);
  return 2;
}

function describeConfig(path: string, config: Config): readonly string[] {
  return [
    `${path} is fine (hash ${config.hash})`,
    ...config.families.map(describeFamily),
    `  backend: ${describeBackend(config)}`,
    `  masquerade: ${describeMasquerade(config)}`,
    `  forward rules: ${config.forwardRules}`,
  ];
}

function describeFamily(conf: FamilyConfig): string {
  const { family, network, subnetLengthBits, subnetMin, subnetMax } = conf;
  const hostBits = BigInt(ADDRESS_BITS[family] - subnetLengthBits);
  const subnets = ((ipToBigInt(subnetMax) - ipToBigInt(subnetMin)) >> hostBits) + 1n;
  const size = `${subnets} node subnets of /${subnetLengthBits}`;
  return `  ${FAMILY_LABEL[family]}: ${network}, ${size} from ${subnetMin} to ${subnetMax}`;
}

function describeBackend({ backend }: Config): string {
  if (backend.type === 'host-gw') return backend.type;
  const { vni, portNumber, mtuBytes, gbp, learning } = backend;
  const directRouting = backend.type === 'vxlan' && backend.directRouting;
  const flags = { GBP: gbp, Learning: learning, DirectRouting: directRouting };
  const on = Object.entries(flags).flatMap(([name, value]) => (value ? [name] : []));
  const mtu = mtuBytes === undefined ? 'of the underlay' : `${mtuBytes}`;
  return [`${backend.type}, VNI ${vni}, port ${portNumber}, MTU ${mtu}`, ...on].join(', ');
}

function describeMasquerade({ masquerade, masqueradeExclude: excluded }: Config): string {
  if (!masquerade) return 'no';
  return excluded.length === 0 ? 'yes' : `yes, except to ${excluded.join(', ')}`;
}

export async function configCommand(
  [verb, path, ...rest]: readonly string[],
  io: CommandIo,
): Promise<number> {
  if (verb !== 'check' || path === undefined || rest.length > 0) {
    io.err('usage: poplin config check FILE\n');
    return EXIT_USAGE;
  }
  return configCheck(path, {
    readFile: (name) => readFile(name, 'utf8'),
    out: (line) => io.out(`${line}\n`),
    err: (line) => io.err(`${line}\n`),
  });
}
