// Faults of the simulation's own parts, by which tests see that the checks notice them: a world in
// which the locks do not lock must not pass.

import type { Verdicts } from '../../src/desired/paths.ts';
import { EVERYTHING_ANSWERS } from '../fake/echo.ts';

export type Mutations = {
  /** An API that lets two clients create the same Lease. */
  readonly letsTwoCreate: boolean;
  /** An API that says that it changed a Node, and did not. */
  readonly losesPatches: boolean;
  /** A kernel that gives packets to the pod beside the right one. */
  readonly mixesUpPods: boolean;
  /** Agents that take every path as soon as it is offered, whatever probes say. */
  readonly flipsUnprobed: boolean;
  /** Agents who do not say by what they send, so that nobody keeps it for them. */
  readonly hidesSenders: boolean;
  /** Agents who say that they receive by one more VXLAN network than they do. */
  readonly promisesTooMuch: boolean;
  /** Agents who let pods send more before they let them receive more. */
  readonly growsRoutesAlone: boolean;
  /** Agents who go by a route of BIRD's as soon as there is one, whether it leads anywhere or not. */
  readonly trustsBird: boolean;
};

export const NO_MUTATIONS: Mutations = {
  letsTwoCreate: false,
  losesPatches: false,
  mixesUpPods: false,
  flipsUnprobed: false,
  hidesSenders: false,
  promisesTooMuch: false,
  growsRoutesAlone: false,
  trustsBird: false,
};

/** What an agent takes for the word of its probes. */
export function verdictsBy(
  { flipsUnprobed, trustsBird }: Mutations,
  { verdicts }: { readonly verdicts: Verdicts },
): Verdicts {
  if (flipsUnprobed) return EVERYTHING_ANSWERS;
  if (!trustsBird) return verdicts;
  const isBirds = (key: string): boolean => / bgp via /.test(key);
  return {
    get: (key) => (isBirds(key) ? 'answers' : verdicts.get(key)),
    has: (key) => isBirds(key) || verdicts.has(key),
  };
}
