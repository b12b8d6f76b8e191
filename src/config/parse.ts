// net-conf.json → Config: syntax, spelling of keys, each key alone (schema.ts), keys together
// (families.ts), and only then a Config. All problems of a stage are reported at once. Pure: where
// the text came from, and what becomes of a bad one, is the agent's business.

import { hash } from 'node:crypto';
import type { Cidr } from '../net/cidr.ts';
import { cidrFamily, contains, containsCidr, parseCidr } from '../net/cidr.ts';
import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { bgpProblems, bgpSettingsOf } from './bgp-check.ts';
import type { BackendConfig, Config, ConfigParse, ConfigProblem } from './config.ts';
import { checkFamilies } from './families.ts';
import type { RepeatedKey } from './json-text.ts';
import { scanJson } from './json-text.ts';
import { normaliseKeys } from './keys.ts';
import { problem, problemsOf } from './problems.ts';
import type { NetConf } from './schema.ts';
import { configSchema, NETWORK_KEYS, VXLAN_PORT_DEFAULT } from './schema.ts';

/** IPv6 needs 1280 bytes (RFC 8200 §5), and VXLAN over IPv6 takes 70. */
const IPV6_VXLAN_MTU_MIN = 1280 + 70;
const HASH_LENGTH = 12;

export function parseConfig(text: string): ConfigParse {
  if (text.trim() === '') return invalid([problem('', undefined, 'is empty')]);
  const scan = scanJson(text);
  if (scan.kind === 'bad') {
    const where = `line ${scan.at.line}, column ${scan.at.column}`;
    return invalid([problem('', undefined, `is not JSON: ${where}: ${scan.problem}`)]);
  }
  const written: unknown = JSON.parse(text);
  if (scan.repeatedKeys.length > 0) {
    return invalid(scan.repeatedKeys.map((key) => repeatedKeyProblem(key)));
  }
  const document = normaliseKeys(written);
  const parsed = configSchema.safeParse(document);
  if (!parsed.success) return invalid(problemsOf(parsed.error, document));
  return checkTogether(parsed.data);
}

/** A Network that holds an address of a node's underlay would cut that node off. */
export function checkAgainstNode(
  config: Config,
  nodeAddresses: readonly Ip[],
): readonly ConfigProblem[] {
  return config.families.flatMap(({ family, network }) =>
    nodeAddresses
      .filter((address) => contains(network, address))
      .map((address) =>
        problem(
          NETWORK_KEYS[family].key,
          network,
          `holds ${address}, an address of the node itself: the pods need a range of their own`,
        ),
      ),
  );
}

/** A Network that leaves out a subnet with pods in it would cut those off. */
export function checkAgainstSubnets(
  config: Config,
  subnets: readonly Cidr[],
): readonly ConfigProblem[] {
  return config.families.flatMap(({ family, network }) =>
    subnets
      .filter((subnet) => cidrFamily(subnet) === family && !containsCidr(network, subnet))
      .map((subnet) =>
        problem(
          NETWORK_KEYS[family].key,
          network,
          `does not hold ${subnet}, the subnet of this node: ` +
            'take a network with all subnets in it, or give the node another one first',
        ),
      ),
  );
}

/**
 * What cannot become of the configuration in force while the network is up. The kernel gives all
 * VXLAN devices of one port the same GBP (vxlan_find_sock), so both cannot be there side by side.
 */
export function checkAgainstRunning(config: Config, running: Config): readonly ConfigProblem[] {
  const [wanted, before] = [config.backend, running.backend];
  if (wanted.type === 'host-gw' || before.type === 'host-gw') return [];
  if (wanted.gbp === before.gbp || wanted.portNumber !== before.portNumber) return [];
  const why =
    `cannot change while VXLAN works by port ${before.portNumber}, since the kernel has one ` +
    'setting for each port: change Backend.Port with it';
  return [problem('Backend.GBP', wanted.gbp, why)];
}

/** What pods need that have addresses of a family which the configuration has dropped. */
export function checkAgainstRetired(
  { backend }: Config,
  retired: readonly Family[],
): readonly ConfigProblem[] {
  if (!retired.includes('ipv6') || backend.type === 'host-gw') return [];
  const why = 'since pods with IPv6 addresses, which need 1280 bytes, may be running';
  return mtuProblems(backend.mtuBytes ?? 0, why);
}

const invalid = (problems: readonly ConfigProblem[]): ConfigParse => ({
  kind: 'invalid',
  problems,
});

function repeatedKeyProblem({ path, firstSpelling, first, second }: RepeatedKey): ConfigProblem {
  const [name = ''] = path.split('.').slice(-1);
  const what = name === firstSpelling ? 'is given twice' : `is the same key as "${firstSpelling}"`;
  const where = `lines ${first.line} and ${second.line}`;
  return problem(path, undefined, `${what} (${where}; case does not matter): remove one of them`);
}

function checkTogether(conf: NetConf): ConfigParse {
  const { families, problems } = checkFamilies(conf);
  const networks = families.map(({ network }) => network);
  const found = [...problems, ...backendProblems(conf), ...bgpProblems(conf.BGP, networks)];
  if (found.length > 0) return invalid(found);
  const unhashed: Omit<Config, 'hash'> = {
    families,
    subnetSource: conf.SubnetSource,
    maxSubnetsPerNode: conf.MaxSubnetsPerNode,
    backend: backendOf(conf.Backend),
    bgp: bgpSettingsOf(conf.BGP),
    masquerade: conf.Masquerade,
    masqueradeExclude: excludes(conf.MasqueradeExclude),
    forwardRules: conf.ForwardRules,
  };
  return { kind: 'ok', config: { ...unhashed, hash: hashOf(unhashed) } };
}

function backendProblems({ Backend: backend, EnableIPv6 }: NetConf): readonly ConfigProblem[] {
  if (backend.Type === 'host-gw' || !EnableIPv6) return [];
  return mtuProblems(backend.MTU, 'since pods with IPv6 need 1280 bytes');
}

function mtuProblems(mtuBytes: number, why: string): readonly ConfigProblem[] {
  if (mtuBytes === 0 || mtuBytes >= IPV6_VXLAN_MTU_MIN) return [];
  return [problem('Backend.MTU', mtuBytes, `must be ${IPV6_VXLAN_MTU_MIN} or more, ${why}`)];
}

function backendOf(backend: NetConf['Backend']): BackendConfig {
  if (backend.Type === 'host-gw') return { type: 'host-gw' };
  const settings = {
    vni: backend.VNI,
    portNumber: backend.Port === 0 ? VXLAN_PORT_DEFAULT : backend.Port,
    ...(backend.MTU === 0 ? {} : { mtuBytes: backend.MTU }),
    gbp: backend.GBP,
    learning: backend.Learning,
  };
  if (backend.Type !== 'vxlan') return { type: backend.Type, ...settings };
  return { type: 'vxlan', ...settings, directRouting: backend.DirectRouting };
}

/** Sorted and without repetition, so that their order in the file means nothing. */
const excludes = (texts: readonly string[]): readonly Cidr[] =>
  [...new Set(texts.flatMap((text) => parseCidr(text) ?? []))].sort();

/** Members are always built in the same order above, so that equal means equal text. */
const hashOf = (config: Omit<Config, 'hash'>): string =>
  hash('sha256', JSON.stringify(config)).slice(0, HASH_LENGTH);
