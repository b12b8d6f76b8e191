// What stands where an object was to be added (EEXIST): the very same, so that the add has nothing
// to do; something that only looks like an object of this kind, as a neighbour that the kernel is
// resolving by itself, which may be replaced; or another object, which is left alone.

import { isDeepStrictEqual } from 'node:util';
import type { Address, KernelState, Link } from '../state/kernel-state.ts';
import {
  keyOfAddress,
  keyOfFdbEntry,
  keyOfNeighbour,
  keyOfNexthop,
  keyOfQdisc,
  keyOfRoute,
  keyOfRule,
} from '../state/kernel-state.ts';
import type { AddOp } from '../state/op.ts';
import { OWN_PROTOCOL } from '../state/own.ts';
import { readState } from './read.ts';
import type { Session } from './session.ts';

export type Obstacle = 'same' | 'passing' | 'other';

export class Obstacles {
  readonly #session: Session;
  /** Read once for each protocol and priority, and only when something is in the way. */
  readonly #states = new Map<string, KernelState>();

  constructor(session: Session) {
    this.#session = session;
  }

  examine(op: AddOp): Obstacle {
    const actual = this.#actualOf(op);
    const wanted = op.object === 'link' ? withoutPeer(op.value) : op.value;
    if (actual === undefined) {
      return op.object === 'neighbour' || op.object === 'fdb' ? 'passing' : 'other';
    }
    if (isDeepStrictEqual(actual, wanted)) return 'same';
    return op.object === 'address' && isSameButUnmarked(actual, op.value) ? 'same' : 'other';
  }

  #actualOf(op: AddOp): unknown {
    switch (op.object) {
      case 'link':
        return this.#state().links.get(op.value.name);
      case 'address':
        return this.#state().addresses.get(keyOfAddress(op.value));
      case 'nexthop':
        return this.#state().nexthops.get(keyOfNexthop(op.value));
      case 'route':
        return this.#state(op.value.protocol).routes.get(keyOfRoute(op.value));
      case 'neighbour':
        return this.#state().neighbours.get(keyOfNeighbour(op.value));
      case 'fdb':
        return this.#state().fdb.get(keyOfFdbEntry(op.value));
      case 'rule':
        return this.#state(0, op.value.priority).rules.get(keyOfRule(op.value));
      case 'qdisc':
        return this.#state().qdiscs.get(keyOfQdisc(op.value));
      default:
        return undefined;
    }
  }

  #state(routeProtocol: number = OWN_PROTOCOL, rulePriority = 0): KernelState {
    const key = `${routeProtocol} ${rulePriority}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const scope = { sysctls: [], routeProtocol, rulePriority, nft: false, ownsLink: () => true };
    const state = readState({ session: this.#session }, scope);
    this.#states.set(key, state);
    return state;
  }
}

function withoutPeer(link: Link): Link {
  if (link.kind !== 'veth') return link;
  const { peer: _, ...rest } = link;
  return rest;
}

/** Kernels before 5.18 do not keep IFA_PROTO. */
const isSameButUnmarked = (actual: unknown, wanted: Address): boolean =>
  isDeepStrictEqual(actual, { ...wanted, protocol: 0 });
