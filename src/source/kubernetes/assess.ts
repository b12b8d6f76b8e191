// What gives the nodes of this cluster their subnets, and what a node does about it next. Decided
// once per cluster and written down (subnet-source-record.ts); this file says what to decide, when
// the configuration may change it, and obeys what is written. Pure; chance is a parameter.

import type { Holding } from '../../cluster/holding.ts';
import { BEING_CLAIMED } from '../../cluster/holding.ts';
import type { Config } from '../../config/config.ts';
import { cidrFamily, cidrLengthBits, ipv4First } from '../../net/cidr.ts';
import type { Family } from '../../net/family.ts';
import { FAMILY_LABEL } from '../../net/family.ts';
import { assessLeases } from './assess-leases.ts';
import type { Assessment, ClaimView, OwnNode, Why } from './claim-view.ts';
import { heldSubnets, noNodeText, noneBecause, REST } from './claim-view.ts';
import { isFresh } from './lease-candidates.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { SubnetRules, SubnetSourceKind, SubnetSourceRecord } from './subnet-source-record.ts';
import { RECORD_NAME, rulesOf, sameRules } from './subnet-source-record.ts';

export function assess(view: ClaimView, random: () => number): Assessment {
  const { nodes, record, contactProblem } = view;
  if (!nodes.isListed) return resting(contactProblem ?? 'the Nodes have not been listed yet');
  switch (record.kind) {
    case 'unknown':
      return resting(contactProblem ?? `ConfigMap ${RECORD_NAME} has not been read yet`);
    case 'none':
      return undecided(view);
    case 'is':
      return decided(view, record.record, random);
  }
}

const resting = (reason: string): Assessment => ({ holding: noneBecause(reason), step: REST });

function undecided(view: ClaimView): Assessment {
  const { nodes, wish, memory, graceLeftMs } = view;
  const { told } = memory;
  const decide = (source: SubnetSourceKind, reason: string): Assessment => ({
    holding: noneBecause(memory.problem ?? 'what gives nodes their subnets is being decided'),
    step: { kind: 'decide', rules: rulesOf(source, wish.config), reason },
  });
  if (told?.kind === 'held' && told.authority !== 'etcd') {
    const { authority, subnets } = told;
    const lengths = subnets.map((each) => [cidrFamily(each), cidrLengthBits(each)] as const);
    const { lengths: wanted } = rulesOf(authority, wish.config);
    const rules = { source: authority, lengths: { ...wanted, ...Object.fromEntries(lengths) } };
    const reason = `nodes have their subnets so; ConfigMap ${RECORD_NAME} was deleted`;
    return { holding: told, step: { kind: 'decide', rules, reason } };
  }
  const { subnetSource } = wish.config;
  if (subnetSource !== 'auto') {
    return decide(subnetSource, `the configuration says SubnetSource "${subnetSource}"`);
  }
  if (nodes.podCidrNode !== undefined) {
    return decide('podCIDR', `SubnetSource "auto": Node ${nodes.podCidrNode} has a podCIDR`);
  }
  if (nodes.own === undefined) return resting(noNodeText(view.nodeName));
  if (graceLeftMs <= 0) return decide('lease', 'SubnetSource "auto": no Node has a podCIDR');
  const reason = 'no Node has a podCIDR yet; subnets will be claimed if it stays so';
  const step = { kind: 'rest', againAfterMs: graceLeftMs } as const;
  return { holding: noneBecause(reason), step };
}

function decided(view: ClaimView, record: SubnetSourceRecord, random: () => number): Assessment {
  if (record.next !== undefined) return changing(view, record);
  const isKnown = record.source === 'podCIDR' || view.leases.isListed;
  const wanted = isKnown ? wantedRules(view.wish.config, record) : undefined;
  const refusal = wanted === undefined ? undefined : obstacle(record, wanted, view);
  const why = { authority: record.source, explanation: explain(record, refusal) };
  if (wanted !== undefined && refusal === undefined) {
    return { holding: frozen(view, why), step: { kind: 'ask-change', rules: wanted } };
  }
  const assessment =
    record.source === 'podCIDR'
      ? assessPodCidrs(view, why)
      : assessLeases(view, { rules: record, why, random });
  return refusal === undefined ? assessment : { ...assessment, refusal };
}

/** Nobody claims while the record is about to change; what is held stays. */
function changing(view: ClaimView, record: SubnetSourceRecord): Assessment {
  const why = { authority: record.source, explanation: explain(record, undefined) };
  const holding = frozen(view, why);
  const isAsker = record.next?.askedBy === view.nodeName;
  if (isAsker || view.changeLeftMs <= 0) return { holding, step: { kind: 'settle-change' } };
  return { holding, step: { kind: 'rest', againAfterMs: view.changeLeftMs } };
}

function frozen({ memory: { told, problem } }: ClaimView, why: Why): Holding {
  if (told?.kind === 'held') return told;
  return noneBecause(problem ?? 'what gives nodes their subnets is being changed', why);
}

const explain = (record: SubnetSourceRecord, refusal: string | undefined): string => {
  const { reason, decidedBy, decidedAt } = record;
  const decision = `${reason} (decided by ${decidedBy} at ${decidedAt})`;
  return refusal === undefined ? decision : `${decision}; ${refusal}`;
};

/** `undefined`: the configuration wants what is written. */
function wantedRules(config: Config, record: SubnetRules): SubnetRules | undefined {
  const source = config.subnetSource === 'auto' ? record.source : config.subnetSource;
  const wanted = rulesOf(source, config, record.lengths);
  if (wanted.source !== record.source) return wanted;
  return source === 'podCIDR' || sameRules(wanted, record) ? undefined : wanted;
}

/** What is known of all nodes, from a watch or from a fresh list. */
export type InUse = {
  readonly leases: { records(): Iterable<LeaseRecord> };
  readonly nodes: { readonly podCidrNode: string | undefined };
};

/** Why the record cannot become what is wanted; `undefined` when nothing of the old is in use. */
export function obstacle(
  record: SubnetRules,
  wanted: SubnetRules,
  { leases, nodes }: InUse,
): string | undefined {
  if (wanted.source !== record.source) {
    const user =
      record.source === 'podCIDR'
        ? nodes.podCidrNode && `Node ${nodes.podCidrNode} has a podCIDR`
        : claimText(firstClaim(leases.records(), () => true));
    if (user === undefined) return undefined;
    const asked = `SubnetSource "${wanted.source}" of the configuration is refused`;
    return `${asked} while subnets come from ${sourceText(record)}: ${user}`;
  }
  const claim = firstClaim(leases.records(), ({ subnet }) => {
    const length = wanted.lengths[cidrFamily(subnet)];
    return length !== undefined && length !== cidrLengthBits(subnet);
  });
  if (claim === undefined) return undefined;
  const length = wanted.lengths[cidrFamily(claim.subnet)];
  return `the subnet length /${length} of the configuration is refused: ${claimText(claim)}`;
}

const sourceText = ({ source }: SubnetRules): string =>
  source === 'podCIDR' ? 'podCIDRs' : 'Leases';

function firstClaim(
  records: Iterable<LeaseRecord>,
  counts: (record: LeaseRecord) => boolean,
): LeaseRecord | undefined {
  for (const record of records) if (record.ownerUid !== '' && counts(record)) return record;
  return undefined;
}

const claimText = (claim: LeaseRecord | undefined): string | undefined =>
  claim === undefined ? undefined : `${claim.holder} holds ${claim.subnet} by a Lease`;

function assessPodCidrs(view: ClaimView, why: Why): Assessment {
  const { nodes, leases, memory } = view;
  const abandoned = leases.ofOwnName().find(({ subnet }) => isFresh(memory, subnet));
  const none = (reason: string, step: Assessment['step'] = REST): Assessment => ({
    holding: noneBecause(reason, why),
    step,
  });
  if (abandoned !== undefined) {
    const { subnet, own } = abandoned;
    const step = { kind: 'give-back', subnet, uid: own?.uid ?? '' } as const;
    return none('a Lease that is not needed any more is being given back', step);
  }
  if (nodes.own === undefined) return withoutNode(view, why);
  return heldPodCidrs(view, nodes.own, why);
}

function heldPodCidrs({ nodeName, wish, memory }: ClaimView, own: OwnNode, why: Why): Assessment {
  const { podCidrs, problems } = own;
  const { families } = wish.config;
  const subnets = podCidrs.filter((each) =>
    families.some(({ family }) => family === cidrFamily(each)),
  );
  const missing = families.filter(
    ({ family }) => !subnets.some((each) => family === cidrFamily(each)),
  );
  const faults = problems.join('; ');
  if (subnets.length === 0) {
    const reason = faults || noPodCidrText(nodeName);
    return { holding: noneBecause(reason, why), step: REST };
  }
  const held = heldSubnets(memory.told).filter((subnet) => subnets.includes(subnet));
  const unverified = subnets.filter(
    (subnet) => !held.includes(subnet) && !memory.verified.has(subnet),
  );
  if (unverified.length === 0) {
    const lacks = faults || missing.map(({ family }) => lackingText(family, own, nodeName)).join();
    const word = missing.length === 0 ? {} : { lacks };
    const holding = { kind: 'held', ...why, subnets: ipv4First(subnets), ...word } as const;
    return { holding, step: REST };
  }
  const reason = memory.problem ?? BEING_CLAIMED;
  // What is in use already goes on while another family is looked at.
  const holding: Holding =
    held.length === 0
      ? noneBecause(reason, why)
      : { kind: 'held', ...why, subnets: ipv4First(held), lacks: memory.problem ?? BEING_CLAIMED };
  return { holding, step: { kind: 'verify', subnets: unverified } };
}

/**
 * A Node that was deleted takes nothing from a machine that lives on, or a cluster that lost its
 * memory would lose its network too; but what another node was given meanwhile is that one's.
 */
function withoutNode({ nodes, nodeName, memory: { told } }: ClaimView, why: Why): Assessment {
  const reason = noNodeText(nodeName);
  const held = told?.authority === 'podCIDR' ? heldSubnets(told) : [];
  for (const subnet of held) {
    const user = nodes.podCidrUser(subnet);
    if (user === undefined) continue;
    const lost = `${reason}, and ${subnet} was given to node ${user}`;
    return { holding: noneBecause(lost, why), step: REST };
  }
  if (held.length > 0) return { holding: { kind: 'held', ...why, subnets: held }, step: REST };
  return { holding: noneBecause(reason, why), step: REST };
}

const lackingText = (family: Family, { podCidrs }: OwnNode, nodeName: string): string =>
  `Node ${nodeName} has no ${FAMILY_LABEL[family]} podCIDR (spec.podCIDRs is ` +
  `${podCidrs.join(', ')}): give the controller-manager a --cluster-cidr of that family too, and ` +
  'register the Node again, since podCIDRs of a Node cannot be changed';

const noPodCidrText = (nodeName: string): string =>
  `Node ${nodeName} has no podCIDR: start the controller-manager with --allocate-node-cidrs, ` +
  'or set spec.podCIDR';
