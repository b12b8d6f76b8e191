// Whether the kernel forwards packets at all, and on the links that pods' packets pass. The agent
// puts it right within milliseconds, so it lasts only where the agent is away or is fought.

import type { Config } from '../../config/config.ts';
import { ownsLink } from '../../state/own.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

export function ipForward({ kernel, config, agent }: Facts): Verdict {
  if (!kernel.known) return { skipped: kernel.why };
  const { sysctls } = kernel.value;
  const fights = agent.known ? agent.value.fights.filter((text) => /forward/.test(text)) : [];
  const off = [...keysOf(config.known ? config.value : undefined), ...perLink(kernel.value)].filter(
    (key) => sysctls.get(key) === '0',
  );
  if (off.length > 0) return [found(`forwarding is off: ${off.map(asSysctl).join(', ')}`)];
  return fights.map((text) => found(`somebody switches forwarding off again and again: ${text}`));
}

function keysOf(config: Config | undefined): readonly string[] {
  const families = config?.families.map(({ family }) => family) ?? ['ipv4'];
  return families.map((family) =>
    family === 'ipv4' ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding',
  );
}

const perLink = ({
  links,
  sysctls,
}: {
  links: ReadonlyMap<string, unknown>;
  sysctls: ReadonlyMap<string, string>;
}): readonly string[] =>
  sysctls.get('ipv4/ip_forward') === '0'
    ? []
    : [...links.keys()].filter(ownsLink).map((name) => `ipv4/conf/${name}/forwarding`);

const asSysctl = (key: string): string => `net.${key.replaceAll('/', '.')} is 0`;

const found = (what: string): Found => ({
  severity: 'error',
  what,
  why:
    'packets from and to pods are dropped; the agent sets it back at once, unless it is ' +
    'away or somebody is faster',
  do:
    'find who sets it: grep -r forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d ' +
    '/run/sysctl.d, ' +
    'and hardening tools; set it to 1 there',
});
