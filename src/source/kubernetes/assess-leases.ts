// A node's subnets where they are claimed by Leases: one per family, IPv4 first, all or none; then
// those that it needs beside them (assess-further.ts), which come and go by themselves. What the
// node held before comes first; what was told to the agent stays until somebody else has it.
// Only what carries this machine's identity is ever used, adopted or given back. Pure.

import type { Holding } from '../../cluster/holding.ts';
import { BEING_CLAIMED } from '../../cluster/holding.ts';
import type { FamilyConfig } from '../../config/config.ts';
import type { Cidr } from '../../net/cidr.ts';
import { cidrFamily, cidrLengthBits, containsCidr, ipv4First } from '../../net/cidr.ts';
import { assessFurther } from './assess-further.ts';
import type { Assessment, ClaimView, Step, Why } from './claim-view.ts';
import { heldSubnets, noNodeText, noneBecause, REST } from './claim-view.ts';
import type { Stock } from './lease-candidates.ts';
import { candidateOf, fullText, giveBack, isFresh, keptTold, takerOf } from './lease-candidates.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { SubnetRules } from './subnet-source-record.ts';

export type LeaseRules = {
  readonly rules: SubnetRules;
  readonly why: Why;
  /** In [0, 1). */
  readonly random: () => number;
};

export function assessLeases(view: ClaimView, leaseRules: LeaseRules): Assessment {
  const { why, rules } = leaseRules;
  const { leases, wish, memory } = view;
  const inOwnName = leases.ofOwnName();
  const mine = inOwnName.filter(({ own }) => own?.machine === wish.machine);
  const none = (reason: string, step: Step = REST): Assessment => ({
    holding: noneBecause(reason, why),
    step,
  });
  if (!leases.isListed) {
    const kept = keptHolding(view);
    if (kept !== undefined) return { holding: kept, step: REST };
    // Nothing is wrong yet, and nobody is to be told so.
    return none(view.contactProblem ?? BEING_CLAIMED);
  }
  const [foreign] = inOwnName;
  if (mine.length === 0 && foreign !== undefined) return none(otherMachineText(view, foreign));
  const stock = stockOf(view, mine, rules);
  const outdated = mine.find(
    ({ subnet }) =>
      isFresh(memory, subnet) && rules.lengths[cidrFamily(subnet)] !== cidrLengthBits(subnet),
  );
  if (outdated !== undefined) {
    return none('a subnet of another length is being given back', giveBack(outdated));
  }
  if (stock.missing.length === 0) return complete(view, stock, leaseRules);
  const lost = lostSubnets(view, stock);
  if (lost.length > 0) return losing(view, { lost, leaseRules });
  return incomplete(view, stock, leaseRules);
}

/** While what is held is not seen otherwise. */
function keptHolding({ memory: { told } }: ClaimView): Holding | undefined {
  return told?.kind === 'held' && told.authority === 'lease' ? told : undefined;
}

function stockOf(view: ClaimView, mine: readonly LeaseRecord[], rules: SubnetRules): Stock {
  const { wish, memory } = view;
  const families = wish.config.families.map((family) => ({
    ...family,
    subnetLengthBits: rules.lengths[family.family] ?? family.subnetLengthBits,
  }));
  const order = [...memory.lastHeld, ...wish.previous];
  const rank = ({ subnet }: LeaseRecord): number => {
    const index = order.indexOf(subnet);
    return index < 0 ? order.length : index;
  };
  const sorted = [...mine].sort(
    (a, b) => mark(a) - mark(b) || rank(a) - rank(b) || (a.subnet < b.subnet ? -1 : 1),
  );
  const kept: LeaseRecord[] = [];
  const missing: FamilyConfig[] = [];
  for (const family of families) {
    const usable = sorted.find(({ subnet }) => containsCidr(family.network, subnet));
    if (usable === undefined) missing.push(family);
    else kept.push(usable);
  }
  // One of a family that is not wished for is among them: the agent wishes for what has pods.
  const rest = sorted.filter((lease) => !kept.includes(lease));
  const isMeant = ({ subnet, isFurther }: LeaseRecord): boolean =>
    isFurther === true || heldSubnets(keptTold(memory.told)).includes(subnet);
  const further = rest.filter(
    (lease) =>
      isMeant(lease) && families.some(({ network }) => containsCidr(network, lease.subnet)),
  );
  const surplus = rest.filter((lease) => !further.includes(lease));
  return { families, kept, further, missing, surplus };
}

const mark = ({ isFurther }: LeaseRecord): number => Number(isFurther === true);

/** Every family has its subnet: held once the Lease is this Node's and the record is as it was. */
function complete(view: ClaimView, stock: Stock, leaseRules: LeaseRules): Assessment {
  const { kept, further, surplus } = stock;
  const { nodes, memory } = view;
  const { why } = leaseRules;
  const held = heldSubnets(memory.told);
  const isStale = ({ ownerUid }: LeaseRecord): boolean => ownerUid !== nodes.own?.uid;
  const isUnverified = ({ subnet }: LeaseRecord): boolean =>
    isFresh(memory, subnet) && !memory.verified.has(subnet);
  const isReady = (lease: LeaseRecord): boolean =>
    held.includes(lease.subnet) || !(isStale(lease) || isUnverified(lease));
  const all = [...kept, ...further];
  const stale = all.find(isStale);
  const unverified = all.filter(isUnverified).map(({ subnet }) => subnet);
  const [extra] = surplus;
  const plan = assessFurther(view, stock, leaseRules.random);
  const step: Step =
    stale !== undefined
      ? nodes.own === undefined
        ? REST
        : { kind: 'adopt', subnet: stale.subnet }
      : unverified.length > 0
        ? { kind: 'verify', subnets: unverified }
        : extra !== undefined
          ? giveBack(extra)
          : plan.step;
  if (!kept.every(isReady)) {
    const reason = nodes.own === undefined ? noNodeText(view.nodeName) : claimingText(view);
    const told = all.filter(({ subnet }) => held.includes(subnet));
    return { holding: heldOrNone(told, why, reason), step };
  }
  const word = plan.noFurther === undefined ? {} : { noFurther: plan.noFurther };
  const subnets = [...all.filter(isReady).map(({ subnet }) => subnet), ...plan.stillHeld];
  const holding = { kind: 'held', ...why, subnets: ipv4First(subnets), ...word } as const;
  return { holding, step, lostFurther: plan.lost };
}

const heldBy = (leases: readonly LeaseRecord[], why: Why): Held => ({
  kind: 'held',
  ...why,
  subnets: ipv4First(leases.map(({ subnet }) => subnet)),
});

/** What is in use already goes on while `reason` keeps another family from being used. */
const heldOrNone = (leases: readonly LeaseRecord[], why: Why, reason: string): Holding =>
  leases.length === 0 ? noneBecause(reason, why) : { ...heldBy(leases, why), lacks: reason };

/** What the agent was told that it holds, and for which there is no Lease any more. */
const lostSubnets = ({ memory }: ClaimView, { kept, missing }: Stock): readonly Cidr[] =>
  heldSubnets(keptTold(memory.told)).filter(
    (subnet) =>
      !kept.some((lease) => lease.subnet === subnet) &&
      missing.some(({ network }) => containsCidr(network, subnet)),
  );

/** A subnet in use has lost its Lease: it is claimed again, unless somebody was faster. */
function losing(
  view: ClaimView,
  { lost, leaseRules: { why } }: { lost: readonly Cidr[]; leaseRules: LeaseRules },
): Assessment {
  const { memory, nodes, nodeName } = view;
  // Of each family the first one; those beside it are claimed again when that is there.
  const firsts = lost.filter((subnet, index) => !lost.slice(0, index).some(sameFamily(subnet)));
  const lostFurther = lost.filter((subnet) => !firsts.includes(subnet));
  for (const subnet of firsts) {
    const taker = takerOf(view, subnet);
    if (taker === undefined) continue;
    const loss = `the Lease of ${subnet} was taken away, and now it is ${taker}`;
    const step = { kind: 'rest', againAfterMs: 0 } as const;
    const reason = `${loss}; another is being claimed`;
    return { holding: noneBecause(reason, why), step, loss, lostFurther };
  }
  const [subnet = '' as Cidr] = firsts;
  const gone = `the Lease of ${subnet} is gone`;
  if (nodes.own === undefined) {
    const reason = `${noNodeText(nodeName)}: ${gone} with it`;
    return { holding: noneBecause(reason, why), step: REST, loss: reason, lostFurther };
  }
  const step = { kind: 'claim', subnet, isNamed: true, isFurther: false } as const;
  const told = keptHolding(view);
  if (told !== undefined && memory.problem === undefined) return { holding: told, step };
  const loss = `${gone} and could not be claimed again: ${memory.problem}`;
  return { holding: noneBecause(loss, why), step, loss, lostFurther };
}

const sameFamily =
  (subnet: Cidr) =>
  (other: Cidr): boolean =>
    cidrFamily(other) === cidrFamily(subnet);

function incomplete(view: ClaimView, stock: Stock, leaseRules: LeaseRules): Assessment {
  const { why } = leaseRules;
  const { memory, nodes, nodeName } = view;
  const before = [...stock.kept, ...stock.further].filter(({ subnet }) => !isFresh(memory, subnet));
  const told = before.filter(({ subnet }) => heldSubnets(memory.told).includes(subnet));
  const waiting = (reason: string, step: Step): Assessment => ({
    holding: heldOrNone(told, why, reason),
    step,
  });
  if (nodes.own === undefined) {
    return waiting(memory.loss ?? noNodeText(nodeName), REST);
  }
  const candidates = stock.missing.map((family) => candidateOf(view, family, leaseRules.random));
  const [first] = candidates;
  if (first !== undefined && !candidates.includes(undefined)) {
    return waiting(claimingText(view), { kind: 'claim', ...first, isFurther: false });
  }
  const full = stock.missing.find((_family, index) => candidates[index] === undefined);
  const reason = [fullText(full), memory.loss].filter((text) => text !== undefined).join('; ');
  const fresh = stock.kept.find(({ subnet }) => isFresh(memory, subnet));
  if (fresh !== undefined) return waiting(reason, giveBack(fresh));
  // What it had before is not taken from a node because another family has nothing for it.
  const adopted = before.filter(({ ownerUid }) => ownerUid === nodes.own?.uid);
  const stale = before.find((lease) => !adopted.includes(lease));
  if (stale !== undefined) return waiting(reason, { kind: 'adopt', subnet: stale.subnet });
  const explained = { ...why, explanation: `${why.explanation}; ${reason}` };
  return { holding: heldOrNone(adopted, adopted.length > 0 ? explained : why, reason), step: REST };
}

type Held = Extract<Holding, { kind: 'held' }>;

const claimingText = ({ memory }: ClaimView): string => {
  const { loss, problem } = memory;
  if (loss === undefined && problem === undefined) return BEING_CLAIMED;
  const state = problem === undefined ? 'is being claimed' : `could not be claimed yet: ${problem}`;
  return loss === undefined ? `a subnet ${state}` : `${loss}; another ${state}`;
};

function otherMachineText({ nodeName }: ClaimView, { subnet, own }: LeaseRecord): string {
  return (
    `${subnet} is held by another machine of the name ${nodeName} (${own?.machine}): ` +
    `if that machine is gone, delete Node ${nodeName}`
  );
}
