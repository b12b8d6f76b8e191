// What the agent says is wrong with this node where no other check has found an error: a doctor
// must not call a node healthy that is not ready.

import type { Facts } from '../facts.ts';
import type { Finding, Verdict } from '../finding.ts';

export function node({ agent }: Facts, findings: readonly Finding[]): Verdict {
  if (!agent.known) return { skipped: 'the agent does not answer' };
  if (findings.some(({ severity }) => severity === 'error')) return [];
  const { ready, problems, fights, reconcile, nodeProblems, node: name } = agent.value;
  const words = new Set([
    ...(ready ? [] : problems),
    ...reconcile.failures,
    ...(nodeProblems[name] ?? []),
    ...fights,
    ...agent.value.pods.isolated,
  ]);
  if (words.size === 0) return [];
  const what = `the agent says: ${[...words].slice(0, 5).join('; ')}`;
  const advice = [...words].some((text) => FULL.test(text)) ? WHEN_FULL : OTHERWISE;
  return [{ severity: ready ? 'warning' : 'error', what, ...advice }];
}

/** As the sources of subnets say it. */
const FULL = /\bno free subnet\b/;

const WHEN_FULL = {
  why: 'the network has no subnet left for this node; it waits for one, and starts no pods',
  do:
    'delete the Nodes of machines that are gone (in etcd, revoke their leases: docs/etcd.md), or ' +
    'give the network more subnets: a larger Network or SubnetMax in net-conf.json',
};

const OTHERWISE = {
  why: 'no check of the doctor knows the cause',
  do: 'see poplin status, and docs/errors.md for the codes in the log of the agent',
};
