// Whether strict reverse-path filters drop packets that come in by another link than the answer
// would leave by. On its own links and the underlay the agent keeps it loose; on all others it is
// the operator's choice, and wrong only where packets are being dropped.

import type { KernelState } from '../../state/kernel-state.ts';
import { ownsLink } from '../../state/own.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

const STRICT = 1;

export function rpFilter({ kernel, agent, droppedByFilter }: Facts): Verdict {
  if (!kernel.known) return { skipped: kernel.why };
  const strict = strictLinks(kernel.value);
  const underlays = agent.known
    ? agent.value.underlay.map(({ link }) => link)
    : underlaysOf(kernel.value);
  const ours = strict.filter((name) => ownsLink(name) || underlays.includes(name));
  if (ours.length > 0) {
    return [found('error', `the reverse-path filter is strict on ${ours.join(', ')}`, ours)];
  }
  const { meanwhile, total } = droppedByFilter.known
    ? droppedByFilter.value
    : { meanwhile: 0, total: 0 };
  if (strict.length === 0 || meanwhile === 0) return [];
  const what =
    `strict reverse-path filters drop packets: ${meanwhile} just now, ${total} since the start; ` +
    `they are strict on ${strict.join(', ')}`;
  return [found('warning', what, strict)];
}

/** The kernel takes the larger one of the link's value and that of `all`: 2 is loose. */
export function strictLinks({ links, sysctls }: KernelState): readonly string[] {
  const all = Number(sysctls.get('ipv4/conf/all/rp_filter') ?? '0');
  return [...links.values()]
    .filter(({ name, up }) => up && name !== 'lo')
    .map(({ name }) => name)
    .filter((name) => {
      const own = sysctls.get(`ipv4/conf/${name}/rp_filter`);
      return own !== undefined && Math.max(all, Number(own)) === STRICT;
    });
}

/** By the devices that are there, where no agent says. */
const underlaysOf = ({ links }: KernelState): readonly string[] =>
  [...links.values()].flatMap((link) =>
    link.kind === 'vxlan' && ownsLink(link.name) ? [link.underlay] : [],
  );

const found = (severity: Found['severity'], what: string, links: readonly string[]): Found => ({
  severity,
  what,
  why:
    'a packet that comes in by another link than the answer takes is dropped without a word: ' +
    'while nodes change their backend, with two links to one network, or with routes that differ',
  do:
    `sysctl ${links.map((link) => `net.ipv4.conf.${link}.rp_filter=2`).join(' ')}, and ` +
    'the same in /etc/sysctl.d',
});
