// Parts of facts for the doctor's checks: rules of others as nft prints them, an API that answers,
// a session of BGP that is down.

import type { BirdSession } from '../../src/bird/sessions.ts';
import { rulesOf, statusWith } from './doctor.ts';

export const match = (left: unknown, right: unknown, op = '==') => ({ match: { op, left, right } });
export const payload = (protocol: string, field: string) => ({ payload: { protocol, field } });
export const meta = (key: string) => ({ meta: { key } });
/** Of an API that answers and allows everything. */
export const API = {
  server: 'https://10.96.0.1',
  problem: '',
  aheadMs: 0,
  denied: [],
  unasked: '',
};
const SESSION: BirdSession & { readonly hint: string } = {
  ...{ name: 'mesh_1', neighbour: '192.168.1.12', neighbourAs: 64512, state: 'active' },
  ...{ since: '', sinceSeconds: 60, channels: [], lastError: 'Socket: Connection refused' },
  ...{ restarting: undefined, bfd: undefined, hint: 'nobody speaks BGP there' },
};
export const BGP = {
  ...{ bird: undefined, absence: 'nobody listens', wanted: 'x', problems: [] },
  ...{ leftOut: [], sessions: [] },
} as const;
const BIRD = {
  version: '2.0.12',
  upSeconds: 5,
  config: 'x',
  routes: 1,
  isRecovering: false,
};

/** A node of which one session is like this; by itself it was refused a minute ago. */
export const sessionWith = (session: Partial<typeof SESSION>) =>
  statusWith({ bgp: { ...BGP, bird: BIRD, sessions: [{ ...SESSION, ...session }] } });

export const input = (rules: readonly unknown[], policy: 'accept' | 'drop' = 'accept') =>
  rulesOf([{ table: 'inet wall', name: 'in', hook: 'input', policy, rules: [{ expr: rules }] }]);

export const kubeProxyRule = (network: string) => {
  const [addr, len] = network.split('/');
  const right = { prefix: { addr, len: Number(len) } };
  const expr = [match(payload('ip', 'saddr'), right, '!='), { jump: { target: 'KUBE-MARK-MASQ' } }];
  return rulesOf([{ table: 'ip nat', name: 'KUBE-SVC-X', rules: [{ expr }] }]);
};
