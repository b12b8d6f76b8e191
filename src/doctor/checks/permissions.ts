// Whether the API lets the agent do what it has to do: asked by SelfSubjectAccessReview with the
// agent's own credentials, or else as the agent was told by a 403.

import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

const REFUSED = /\b403\b|[Ff]orbidden/;

export function permissions({ agent, api, datastore }: Facts): Verdict {
  if (datastore === 'etcd') return [];
  const denied = api.known ? api.value.denied : [];
  if (denied.length > 0) {
    const actions = denied.map(({ action, isFor }) => `${action} (${isFor})`);
    return [finding(`the API does not let the agent ${actions.join(', ')}`)];
  }
  const said = agent.known ? (agent.value.source.problem ?? '') : '';
  if (REFUSED.test(said)) return [finding(`the API refuses what the agent asks for: ${said}`)];
  if (!api.known) return { skipped: api.why };
  return api.value.unasked === '' ? [] : { skipped: api.value.unasked };
}

const finding = (what: string): Found => ({
  severity: 'error',
  what,
  why: 'the role of its service account lacks these rights, or is bound to another account',
  do:
    'apply the ClusterRole and Roles of deploy/poplin.yaml again, with their bindings; see it by ' +
    'kubectl auth can-i --list --as system:serviceaccount:poplin:poplin -n poplin',
});
