// Whether the datastore answers: asked by the doctor itself where it has a way, and as the agent
// says. A missing right is another check's business.

import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

/** What the agent says of an API that answers, but refuses. */
const REFUSED = /\b403\b|[Ff]orbidden/;

export function datastore({ agent, api, datastore: kind }: Facts): Verdict {
  const name = kind === 'etcd' ? 'etcd' : 'the Kubernetes API';
  const said = agent.known ? (agent.value.source.problem ?? '') : '';
  const own = api.known ? api.value.problem : '';
  if (own === '' && (said === '' || REFUSED.test(said))) {
    return api.known || agent.known ? [] : { skipped: api.why };
  }
  const where = api.known ? ` at ${api.value.server}` : '';
  return [
    {
      severity: 'error',
      what: `${name}${where} does not answer as it should: ${own === '' ? said : own}`,
      why:
        'traffic, restarts and new pods go on by what the node remembers; changes of the cluster ' +
        'and of the configuration are not seen until it answers',
      do: whatToDo(kind, own === '' ? said : own),
    },
  ];
}

function whatToDo(kind: Facts['datastore'], problem: string): string {
  if (/\b401\b|[Uu]nauthorized/.test(problem)) {
    return (
      'the credentials are not accepted: renew the token or certificate that the agent ' +
      'is given'
    );
  }
  if (/certificate|CERT_|self.signed/i.test(problem)) {
    return (
      'compare the certificate authority that the agent is given with the one of the ' +
      'server, and the clock'
    );
  }
  return kind === 'etcd'
    ? 'try etcdctl endpoint health from this node with the addresses that the agent is given'
    : 'try curl -k on its address from this node; with kube-proxy not running set ' +
        'KUBERNETES_SERVICE_HOST to an address of the API server itself';
}
