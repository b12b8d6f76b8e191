// Whether kube-proxy takes the same addresses for pods' as we do. It masquerades what comes to a
// Service from anywhere else, by rules that name its clusterCIDR, in iptables or in nftables.

import type { RulesetChain, RulesetRule } from '../../desired/nft-ruleset.ts';
import { matchOf, payloadOf, prefixesOf } from '../../desired/nft-ruleset.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, containsCidr } from '../../net/cidr.ts';
import type { ClusterCidr, Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

/** Chains of its modes iptables, ipvs and nftables. */
const CHAINS = /^(KUBE-SVC-|KUBE-SERVICES$|service-)/;
const TO_MARK = new Set(['KUBE-MARK-MASQ', 'mark-for-masquerade']);

export function kubeProxy({ config, rules, kubeProxy: told }: Facts): Verdict {
  if (!config.known) return { skipped: config.why };
  const inRules = rules.known ? rules.value.flatMap(cidrsOf) : [];
  const seen = [...inRules, ...told];
  const wrong = seen.filter(({ cidr }) => {
    const family = config.value.families.find((each) => each.family === cidrFamily(cidr));
    return family !== undefined && !containsCidr(cidr, family.network);
  });
  const [first] = wrong;
  if (first === undefined) return rules.known ? [] : { skipped: rules.why };
  const networks = config.value.families.map(({ network }) => network).join(',');
  return [
    {
      severity: 'error',
      what:
        `kube-proxy takes ${first.cidr} for the pods' network (${first.seenIn}), which ` +
        `is ${networks}`,
      why:
        "what pods send to Services is masqueraded: policies and programs see the node's " +
        "address, not the pod's",
      do:
        `set clusterCIDR of kube-proxy to ${networks} (kubectl -n kube-system edit ` +
        'configmap kube-proxy, or --cluster-cidr), and restart it',
    },
  ];
}

/** Each one once: there is a rule for every port of every Service. */
function cidrsOf(chain: RulesetChain): readonly ClusterCidr[] {
  if (!CHAINS.test(chain.name)) return [];
  const cidrs = new Set(chain.rules.filter(marks).flatMap(excludedSources));
  const where = `table ${chain.family} ${chain.table}, chain ${chain.name}`;
  return [...cidrs].map((cidr) => ({ cidr, seenIn: where }));
}

const marks = ({ statements }: RulesetRule): boolean =>
  statements.some(({ kind, body }) => {
    const isJump = kind === 'jump' && typeof body === 'object' && body !== null;
    return isJump && 'target' in body && TO_MARK.has(String(body.target));
  });

function excludedSources({ statements }: RulesetRule): readonly Cidr[] {
  return statements.flatMap((statement) => {
    const match = matchOf(statement);
    if (match?.op !== '!=' || payloadOf(match.left)?.field !== 'saddr') return [];
    return prefixesOf(match.right) ?? [];
  });
}
