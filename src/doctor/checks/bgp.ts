// Whether BIRD runs by our configuration, and its sessions are up.

import type { BgpStatus } from '../../agent/bird-status.ts';
import type { Facts } from '../facts.ts';
import type { Found, Verdict } from '../finding.ts';

/** A session that has just begun is no finding: hellos, holds and BFD take their time. */
const YOUNG_SECONDS = 15;

/** What is wrong with an OPEN is met by each try, and each begins the time of the session anew. */
const LASTING =
  /Invalid OPEN|Unsupported version|Bad (?:peer AS|BGP identifier)|Unacceptable|capability missing/;

export function bgp({ agent }: Facts): Verdict {
  if (!agent.known) return { skipped: 'the agent does not answer' };
  const { bgp: status } = agent.value;
  if (status === undefined) return [];
  if (status.bird === undefined) return [missing(status)];
  return [
    ...status.problems.map((problem) => refused(problem)),
    ...status.leftOut.map((problem) => leftOut(problem)),
    ...status.sessions.filter(isDown).map(down),
  ];
}

type Session = BgpStatus['sessions'][number];

function isDown({ state, sinceSeconds, lastError }: Session): boolean {
  if (state === 'established') return false;
  const isYoung = (sinceSeconds ?? 0) <= YOUNG_SECONDS;
  if (state !== 'passive') return lastError !== undefined || !isYoung;
  // Whoever only waits knows nothing of one that has never connected: the other end says it. What
  // has ended is awaited in peace while it may be a restart, if the same cannot come of it again.
  return lastError !== undefined && (!isYoung || LASTING.test(lastError));
}

const missing = ({ absence }: BgpStatus): Found => ({
  severity: 'error',
  what: `BIRD does not run: ${absence}`,
  why: 'peers are reached by VXLAN meanwhile, and routers outside learn no routes to pods',
  do:
    'look at its container or unit (kubectl -n poplin logs daemonset/poplin -c bird, or ' +
    'journalctl -u poplin-bird), and whether both have the same --bird-dir',
});

const refused = (problem: string): Found => ({
  severity: 'error',
  what: `BIRD has not taken the configuration: ${problem}`,
  why: 'it goes on by the last one that worked',
  do: 'correct what is named under the key BGP of net-conf.json; poplin config check FILE tries it',
});

const leftOut = (problem: string): Found => ({
  severity: 'warning',
  what: `a part of the key BGP is left out on this node: ${problem}`,
  why: 'there is no session for it',
  do: 'put the Secret, the label or the address there that is named, or take the entry away',
});

function down({ name, neighbour, neighbourAs, state, lastError, hint }: Session): Found {
  const as = neighbourAs === undefined ? '' : ` (AS ${neighbourAs})`;
  const error = lastError === undefined ? '' : `; last error: ${lastError}`;
  return {
    severity: 'error',
    what: `the BGP session ${name} with ${neighbour}${as} is not up: ${state}${error}`,
    why: hint === '' ? 'no routes come or go by it' : hint,
    do:
      'see both ends: address, AS number, password, and TCP port 179 between them; on ' +
      'the other end the same session in its log',
  };
}
