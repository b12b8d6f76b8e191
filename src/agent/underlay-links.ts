// Chooses the underlay by the links that an operator names: --iface, then --iface-regex, then
// --iface-can-reach, each value in its turn, as Flannel does; the first that has an address of the
// family counts. Why the others do not is said in words that name the flag and its value. Pure.

import type { Family } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf, parseIp } from '../net/ip.ts';
import type { KernelState } from '../state/kernel-state.ts';
import type { RouteLookup } from '../state/route-lookup.ts';
import type { Candidate } from './underlay-candidates.ts';
import { bestOn, inOrder } from './underlay-candidates.ts';
import type { UnderlayWish } from './underlay-wish.ts';

/** `missing`: asked for and not there. `unsaid`: nothing asks for anything in particular. */
export type Choice =
  | { readonly kind: 'found'; readonly candidate: Candidate; readonly by: string }
  | { readonly kind: 'missing' | 'unsaid'; readonly why: string };

export type LinkQuestion = {
  readonly wish: UnderlayWish;
  readonly kernel: KernelState;
  readonly lookups: ReadonlyMap<Ip, RouteLookup>;
  readonly candidates: readonly Candidate[];
  /** Of a link with several addresses this one, when it is there. */
  readonly preferred: Ip | undefined;
};

const NAMES = { ipv4: 'IPv4', ipv6: 'IPv6' } as const satisfies Record<Family, string>;

export function chooseByLinks(question: LinkQuestion, family: Family): Choice {
  const { interfaces, patterns, canReach } = question.wish;
  const reasons: string[] = [];
  const tries: (() => Choice)[] = [
    ...interfaces.map((text) => () => byInterface(question, text, family)),
    ...patterns.map((pattern) => () => byPattern(question, pattern, family)),
    ...canReach.map((ip) => () => byDestination(question, ip, family)),
  ];
  for (const attempt of tries) {
    const choice = attempt();
    if (choice.kind === 'found') return choice;
    if (choice.kind === 'missing') reasons.push(choice.why);
  }
  if (reasons.length > 0) return { kind: 'missing', why: reasons.join('; ') };
  const why = `the flags name no ${NAMES[family]} address, and their link has none`;
  return { kind: 'unsaid', why };
}

function byInterface(question: LinkQuestion, text: string, family: Family): Choice {
  const flag = `--iface "${text}"`;
  const ip = parseIp(text);
  if (ip !== undefined) {
    if (familyOf(ip) !== family) return { kind: 'unsaid', why: '' };
    const candidate = question.candidates.find(({ address }) => address === ip);
    if (candidate !== undefined) return { kind: 'found', candidate, by: flag };
    return { kind: 'missing', why: `${flag}: no link of this node has that address` };
  }
  const found = onLink(question, text, family);
  if (found !== undefined) return { ...found, by: `${flag}${found.by}` };
  const why = question.kernel.links.has(text)
    ? `${flag}: that link has no ${NAMES[family]} address`
    : `${flag}: there is no link of that name`;
  return { kind: 'missing', why };
}

/** An address that matches comes before every name, as in Flannel. */
function byPattern(
  question: LinkQuestion,
  { text, expression }: UnderlayWish['patterns'][number],
  family: Family,
): Choice {
  const flag = `--iface-regex "${text}"`;
  const matching = question.candidates.filter(({ address }) => expression.test(address));
  const ofFamily = matching.filter(({ address }) => familyOf(address) === family);
  const [candidate, ...others] = inOrder(ofFamily);
  if (candidate !== undefined) {
    const words = others.map(({ address }) => address).join(', ');
    return { kind: 'found', candidate, by: `${flag}${words === '' ? '' : ` (also ${words})`}` };
  }
  // It chooses by the address of the other family, whose link this one follows to.
  if (matching.length > 0) return { kind: 'unsaid', why: '' };
  const links = [...question.kernel.links.keys()].filter((link) => expression.test(link));
  const usable = links.filter((link) => onLink(question, link, family) !== undefined);
  const [link, ...further] = usable;
  const found = link === undefined ? undefined : onLink(question, link, family);
  if (found !== undefined) {
    const words = further.length === 0 ? '' : ` (of ${usable.join(', ')})`;
    return { ...found, by: `${flag}${words}${found.by}` };
  }
  const why =
    links.length === 0
      ? `${flag} matches no address and no link`
      : `${flag}: no ${NAMES[family]} address on ${links.join(', ')}`;
  return { kind: 'missing', why };
}

function byDestination(question: LinkQuestion, ip: Ip, family: Family): Choice {
  if (familyOf(ip) !== family) return { kind: 'unsaid', why: '' };
  const flag = `--iface-can-reach "${ip}"`;
  const lookup = question.lookups.get(ip);
  if (lookup?.kind === 'local') {
    return { kind: 'missing', why: `${flag} is this node's own address: another's is needed` };
  }
  if (lookup?.kind !== 'onlink' && lookup?.kind !== 'gateway') {
    return { kind: 'missing', why: `${flag}: this node has no route to it` };
  }
  const { link, source } = lookup;
  const isSource = (candidate: Candidate): boolean =>
    candidate.link === link && candidate.address === source;
  const candidate = question.preferred === undefined && question.candidates.find(isSource);
  if (candidate) return { kind: 'found', candidate, by: flag };
  const found = onLink(question, link, family);
  if (found !== undefined) return { ...found, by: `${flag}${found.by}` };
  const why = `${flag} is reached by ${link}, which has no ${NAMES[family]} address for peers`;
  return { kind: 'missing', why };
}

/** `by` are words about what else is on the link. */
function onLink(
  { candidates, preferred }: LinkQuestion,
  link: string,
  family: Family,
): Extract<Choice, { kind: 'found' }> | undefined {
  const wanted = candidates.find((each) => each.link === link && each.address === preferred);
  if (wanted !== undefined) return { kind: 'found', candidate: wanted, by: '' };
  const best = bestOn(candidates, link, family);
  return best && { kind: 'found', candidate: best.candidate, by: best.others };
}
