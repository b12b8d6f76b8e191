// Carries out ops by rtnetlink: writes requests one behind the other, sends them in batches, and
// finds out for each op what became of it. The kernel works on the messages of a batch in order, so
// the order of the ops is kept; only an op that names a link which is not known yet makes the batch
// be sent first. What ops make of links is not read back but reckoned, so that it is not taken for
// news. What stands in the way of an add is looked at before it counts as a failure.

import { assert, assertNever } from '../lib/assert.ts';
import { AppError } from '../lib/errors.ts';
import type { Answer } from '../netlink/answer.ts';
import { NLM_F_REQUEST } from '../netlink/constants.ts';
import { decodeLink, encodeLinkQuery } from '../netlink/link.ts';
import type { Address, Link } from '../state/kernel-state.ts';
import { keyOfAddress, keyOfNexthop } from '../state/kernel-state.ts';
import type { AddOp, Op } from '../state/op.ts';
import { describeOp } from './describe-op.ts';
import { linkFrom } from './from-messages.ts';
import type { Sent } from './judge-answers.ts';
import { judgeAnswers, NOTHING_SAID } from './judge-answers.ts';
import type { OpFailure } from './kernel.ts';
import { requestLinkAdd, requestLinkChange } from './link-requests.ts';
import type { LinkAdd, Touch } from './link-touches.ts';
import { changedLink, LinkTouches, touchedLink } from './link-touches.ts';
import { withLocalCopies } from './local-copies.ts';
import { failureOf, MESSAGES_PER_BATCH } from './netlink-socket.ts';
import { Obstacles } from './obstacles.ts';
import { requestQdisc } from './qdisc-requests.ts';
import { loadNexthops, readAddresses } from './read.ts';
import type { Resolver } from './requests.ts';
import {
  requestAddress,
  requestFdbEntry,
  requestNeighbour,
  requestNexthop,
  requestRoute,
  requestRule,
} from './requests.ts';
import type { Session } from './session.ts';
import { NO_LINKS } from './session.ts';

/** An op names a link or nexthop that the kernel does not have. */
class MissingName extends Error {
  override readonly name = 'MissingName';
}

type Pending = Sent & { readonly touch?: Touch };

export class RtnetlinkBatch {
  readonly #session: Session;
  readonly #resolver: Resolver;
  readonly #obstacles: Obstacles;
  readonly #failures: OpFailure[] = [];
  readonly #triedAgain = new Set<Op>();
  readonly #touches: LinkTouches;
  /** Names of links that this batch has made. */
  readonly #made = new Set<string>();
  /** Names of links whose state was asked for by this batch and not changed since. */
  readonly #fresh = new Set<string>();
  #pending: Pending[] = [];

  constructor(session: Session) {
    this.#session = session;
    this.#obstacles = new Obstacles(session);
    this.#resolver = {
      session,
      writer: session.writer,
      link: (name) => this.#linkIndex(name),
      nexthop: (via) => {
        const id = session.nexthops.idOf(via);
        if (id === undefined) throw new MissingName(`there is no nexthop ${keyOfNexthop(via)}`);
        return id;
      },
    };
    this.#touches = new LinkTouches(this.#resolver);
  }

  /** Takes a link that was just made, as if by this batch. */
  takeMade(op: LinkAdd): void {
    this.#made.add(op.value.name);
    if (op.value.alias !== '') this.#touches.addAlias(op, this.#linkIndex(op.value.name));
  }

  /** Asks for the links that are to be changed, all at once. */
  lookUpLinks(ops: readonly Op[]): void {
    const names = ops.flatMap((op) =>
      op.object === 'link' && op.verb === 'change' ? [op.value.name] : [],
    );
    const { currentLinks } = this.#session;
    this.#session.currentLinks = NO_LINKS;
    for (const name of currentLinks) this.#fresh.add(name);
    const others = names.filter((name) => !currentLinks.has(name));
    for (const { name } of this.#session.queryLinks(others)) this.#fresh.add(name);
  }

  add(op: Op): void {
    try {
      if (op.object === 'sysctl') {
        this.#touches.addSetting(op, (name) => this.#made.has(name));
        return;
      }
      this.#writeTouches();
      const sequence = this.#request(op);
      if (sequence !== undefined) this.#pending.push({ op, sequence });
    } catch (error) {
      this.#refuse(op, error);
    }
    if (this.#session.writer.count >= MESSAGES_PER_BATCH) this.#flush();
  }

  /** Sends what is left and returns what failed. */
  finish(): readonly OpFailure[] {
    // Tries made again are few, and each is made once.
    while (this.#pending.length + this.#touches.size > 0) this.#flush();
    return this.#failures;
  }

  #request(op: Op): number | undefined {
    const { verb } = op;
    switch (op.object) {
      case 'link':
        assert(verb !== 'remove', 'links are removed elsewhere');
        if (verb === 'add') return this.#addLink(op);
        for (const sequence of this.#changeLink(op.value)) this.#pending.push({ op, sequence });
        return undefined;
      case 'address':
        if (verb === 'change') this.#clearOtherScope(op.value);
        return requestAddress(this.#resolver, verb, op.value);
      case 'nexthop':
        this.#knowNexthops();
        return requestNexthop(this.#resolver, verb, op.value);
      case 'route':
        if (op.value.via.kind === 'nexthop') this.#knowNexthops();
        return requestRoute(this.#resolver, verb, op.value);
      case 'neighbour':
        return requestNeighbour(this.#resolver, verb, op.value);
      case 'fdb':
        return requestFdbEntry(this.#resolver, verb, op.value);
      case 'rule':
        return this.#requestRule(op);
      case 'qdisc':
        return requestQdisc(this.#resolver, verb, op.value);
      case 'sysctl':
      case 'nft-table':
      case 'nft-element':
        assert(false, `${op.object} does not go by a request of its own`);
        return undefined;
      default:
        return assertNever(op);
    }
  }

  /** In the same batch it is asked what index the link got. */
  #addLink(op: LinkAdd): number {
    const sequence = requestLinkAdd(this.#resolver, op.value);
    encodeLinkQuery(this.#session.writer, NLM_F_REQUEST, { name: op.value.name });
    return sequence;
  }

  #changeLink(wanted: Link): readonly number[] {
    const { links } = this.#session;
    if (!this.#fresh.delete(wanted.name)) {
      this.#flush();
      this.#session.queryLink(wanted.name);
    }
    const actual = links.get(links.indexOf(wanted.name) ?? 0);
    if (actual === undefined) throw new MissingName(`there is no link ${wanted.name}`);
    const sequences = requestLinkChange(this.#resolver, linkFrom(actual, links), wanted);
    // RTM_GETLINK runs linkwatch for its link (rtnl_getlink: linkwatch_sync_dev, Linux 6.8): what
    // was just set up can send from then on.
    if (wanted.up && !actual.up) {
      encodeLinkQuery(this.#session.writer, NLM_F_REQUEST, { index: actual.index });
    }
    return sequences;
  }

  /** The kernel changes all of an address in place but its scope. */
  #clearOtherScope(address: Address): void {
    this.#flush();
    const actual = readAddresses(this.#session).get(keyOfAddress(address));
    if (actual === undefined || actual.scope === address.scope) return;
    requestAddress(this.#resolver, 'remove', actual);
  }

  #requestRule(op: Op & { readonly object: 'rule' }): number | undefined {
    const request = (): number => requestRule(this.#resolver, op.verb, op.value);
    if (op.verb !== 'add' || op.value.family !== 'ipv4') return request();
    this.#flush();
    withLocalCopies(this.#session, () => {
      this.#pending.push({ op, sequence: request() });
      this.#flush();
    });
    return undefined;
  }

  #knowNexthops(): void {
    if (this.#session.nexthops.loaded) return;
    this.#flush();
    loadNexthops(this.#session);
  }

  #linkIndex(name: string): number {
    const { links } = this.#session;
    const known = links.indexOf(name);
    if (known !== undefined) return known;
    this.#flush();
    const index = links.indexOf(name) ?? this.#session.queryLink(name);
    if (index === undefined) throw new MissingName(`there is no link ${name}`);
    return index;
  }

  #refuse(op: Op, error: unknown): void {
    if (error instanceof MissingName) {
      if (op.verb === 'remove') return;
      this.#fail(op, new AppError('NETLINK', describeOp(op), `ENODEV: ${error.message}`));
    } else if (error instanceof AppError) {
      this.#fail(op, error);
    } else {
      throw error;
    }
  }

  #fail(op: Op, error: AppError): void {
    if (op.object === 'nexthop' && op.verb === 'add') this.#session.nexthops.forget(op.value);
    this.#failures.push({ op, error });
  }

  #writeTouches(): void {
    this.#touches.write((touch, sequence) => {
      for (const op of touch.ops) this.#pending.push({ op, sequence, touch });
    });
  }

  #flush(): void {
    this.#writeTouches();
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    const session = this.#session;
    session.observer?.beforeOwn();
    const answers = this.#send(pending);
    const { failures, occupied, gone } =
      answers === undefined ? NOTHING_SAID : judgeAnswers(pending, answers);
    for (const { op, error } of failures) this.#fail(op, error);
    for (const op of gone) if (op.object === 'nexthop') session.nexthops.forget(op.value);
    this.#reckonLinks(pending, new Set(occupied.map(({ op }) => op)));
    session.observer?.afterOwn(pending.map(({ op }) => op));
    for (const { op, answer } of occupied) this.#examine(op, answer);
  }

  /** Undefined when the batch as a whole could not be sent or answered. */
  #send(pending: readonly Pending[]): ReadonlyMap<number, Answer> | undefined {
    try {
      const { route, writer, links } = this.#session;
      // The only objects that are asked for here are links.
      return route.exchange(writer, (message) => links.set(decodeLink(message)));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      for (const { op } of pending) this.#fail(op, error);
      return undefined;
    }
  }

  /** What the links are now by what was done to them. */
  #reckonLinks(pending: readonly Pending[], occupied: ReadonlySet<Op>): void {
    const failed = new Set(this.#failures.map(({ op }) => op));
    const { links } = this.#session;
    const unclear: string[] = [];
    for (const { op, touch } of pending) {
      if (failed.has(op) || occupied.has(op)) continue;
      const name = op.object === 'link' ? op.value.name : '';
      const known = links.get(touch?.index ?? links.indexOf(name) ?? 0);
      if (touch !== undefined) {
        if (known !== undefined) links.set(touchedLink(known, touch));
      } else if (op.object === 'link' && op.verb === 'add') {
        this.#made.add(name);
        if (known !== undefined && op.value.alias !== '') this.#touches.addAlias(op, known.index);
      } else if (op.object === 'link') {
        if (known === undefined || op.value.kind === 'vxlan') unclear.push(name);
        else links.set(changedLink(known, op.value));
      }
    }
    this.#session.queryLinks(unclear);
  }

  #examine(op: AddOp, answer: Answer): void {
    const obstacle = this.#obstacles.examine(op);
    if (obstacle === 'same') return;
    if (obstacle === 'passing') this.add({ ...op, verb: 'change' });
    else if (op.object === 'nexthop' && !this.#triedAgain.has(op)) {
      // Its number may be taken by a nexthop that was made since the numbers were read.
      this.#triedAgain.add(op);
      loadNexthops(this.#session);
      this.add(op);
    } else {
      const text = answer.text === '' ? 'another is in its place' : answer.text;
      this.#fail(op, failureOf(describeOp(op), { ...answer, text }));
    }
  }
}
