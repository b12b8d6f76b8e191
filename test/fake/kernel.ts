// The kernel in memory, behind the same port as the real one and held to it by the conformance
// suite. It can be made to fail or to crash at any op, by a predicate and a count; after a crash
// the namespace is as the ops before left it, and a new FakeKernel goes on with it.

import { describeOp } from '../../src/kernel/describe-op.ts';
import type {
  Hint,
  Kernel,
  LinkFailure,
  LinkRename,
  OpFailure,
  ReadScope,
  StaleConnections,
} from '../../src/kernel/kernel.ts';
import { AppError } from '../../src/lib/errors.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { KernelState, Route } from '../../src/state/kernel-state.ts';
import { EMPTY_STATE } from '../../src/state/kernel-state.ts';
import { type Op, removalOfLink } from '../../src/state/op.ts';
import { BIRD_PROTOCOL, MAIN_TABLE } from '../../src/state/own.ts';
import type { RouteLookup } from '../../src/state/route-lookup.ts';
import { addLink, changeLink, removeLink, renameLink } from './links.ts';
import { lookUp } from './look-up.ts';
import type { FakeNamespace } from './namespace.ts';
import { doAddress, doFdb, doNeighbour, doNexthop, doQdisc, doRoute, doRule } from './reach.ts';
import { type Refusal, refuse } from './refusal.ts';
import { doNftElement, doNftTable, nftTableOf, readSysctl, writeSysctl } from './settings.ts';

export type Fault = {
  /** Which ops are meant; all when absent. */
  readonly matches?: (op: Op) => boolean;
  /** So many of them pass first. */
  readonly skip?: number;
  /** Then so many are hit; one when absent. */
  readonly times?: number;
  readonly effect: 'fail' | 'crash-before' | 'crash-after';
};

/** The process ends in the middle of an apply. */
export class KernelCrash extends Error {
  override readonly name = 'KernelCrash';
}

type ArmedFault = { readonly fault: Fault; passed: number; hit: number };

export class FakeKernel implements Kernel {
  readonly hasNexthopObjects = true;
  readonly namespace: FakeNamespace;
  /** All ops that were carried out or refused, in order. */
  readonly applied: Op[] = [];
  /** Every `forgetConnections` that was asked for. */
  readonly forgotten: StaleConnections[] = [];
  /** Called in the middle of an apply: before each op, and after each that was carried out. */
  beforeOp: ((op: Op) => void) | undefined;
  afterOp: ((op: Op) => void) | undefined;
  readonly #faults: ArmedFault[] = [];
  #ownsLink: ReadScope['ownsLink'] = () => true;

  constructor(namespace: FakeNamespace) {
    this.namespace = namespace;
  }

  get namespaceCookie(): string {
    return String(this.namespace.cookie);
  }

  inject(fault: Fault): void {
    this.#faults.push({ fault, passed: 0, hit: 0 });
  }

  read(scope: ReadScope): KernelState {
    const { namespace } = this;
    if (scope.aside !== true) this.#ownsLink = scope.ownsLink;
    if (scope.linksOnly === true) return { ...EMPTY_STATE, links: new Map(namespace.links) };
    const owned = <T extends { readonly link: string }>(map: Map<string, T>): Map<string, T> =>
      new Map([...map].filter(([, value]) => scope.ownsLink(value.link)));
    const sysctls = new Map<string, string>();
    for (const path of scope.sysctls) {
      const value = readSysctl(namespace, path);
      if (value !== undefined) sysctls.set(path, value);
    }
    const table = scope.nft ? nftTableOf(namespace) : undefined;
    return {
      links: new Map(namespace.links),
      addresses: new Map(namespace.addresses),
      nexthops: new Map(namespace.nexthops),
      routes: new Map(
        [...namespace.routes].filter(([, { protocol }]) => protocol === scope.routeProtocol),
      ),
      birdRoutes: scope.birdRoutes === true ? birdRoutesOf(namespace) : new Map(),
      neighbours: owned(namespace.neighbours),
      fdb: owned(namespace.fdb),
      rules: new Map(
        [...namespace.rules].filter(([, { priority }]) => priority === scope.rulePriority),
      ),
      qdiscs: owned(namespace.qdiscs),
      sysctls,
      ...(table === undefined ? {} : { nftTable: table }),
      nftSets: scope.nft
        ? new Map([...namespace.nftSets].map(([name, { elements }]) => [name, new Set(elements)]))
        : new Map(),
    };
  }

  fingerprint(scope: ReadScope): string {
    const { nftSets, nftTable, ...maps } = this.read({ ...scope, aside: true });
    const sets = [...nftSets].map(([name, elements]) => [name, [...elements]]);
    return JSON.stringify([Object.values(maps).map((map) => [...map]), sets, nftTable]);
  }

  async apply(ops: readonly Op[]): Promise<readonly OpFailure[]> {
    const failures: OpFailure[] = [];
    for (const op of ops) {
      // Where the real kernel lets one wait, others may come in between.
      const waits = op.object === 'nft-table' || (op.object === 'link' && op.verb === 'remove');
      if (waits) await Promise.resolve();
      const effect = this.#effectOn(op);
      if (effect === 'crash-before') throw new KernelCrash(`before ${describeOp(op)}`);
      this.applied.push(op);
      this.beforeOp?.(op);
      const refusal =
        effect === 'fail' ? refuse('EBUSY: made to fail') : carryOut(this.namespace, op, this);
      if (effect === 'crash-after') throw new KernelCrash(`after ${describeOp(op)}`);
      if (refusal === undefined) {
        this.afterOp?.(op);
        continue;
      }
      const { code, operation, text } = refusal;
      failures.push({ op, error: new AppError(code, operation ?? describeOp(op), text) });
    }
    return failures;
  }

  /** What somebody else does: not through this object, so that its listeners are told. */
  touch(ops: readonly Op[]): readonly Refusal[] {
    return ops.flatMap((op) => carryOut(this.namespace, op, undefined) ?? []);
  }

  /** In memory there is nothing between gone and done. */
  async removeLinks(
    names: readonly string[],
    gone: (name: string) => void,
  ): Promise<readonly LinkFailure[]> {
    const present = names.filter((name) => this.namespace.links.has(name));
    const failures = await this.apply(names.map(removalOfLink));
    for (const name of present) if (!this.namespace.links.has(name)) gone(name);
    return failures.map(({ op, error }) => ({
      name: op.object === 'link' ? op.value.name : '',
      error,
    }));
  }

  /** Links in memory send at once. */
  async settleLinks(): Promise<void> {}

  /** Nothing in memory sends anything. */
  async forgetConnections(stale: readonly StaleConnections[]): Promise<number> {
    this.forgotten.push(...stale);
    return 0;
  }

  renameLink({ from, to, alias }: LinkRename): void {
    const refusal = renameLink(this.namespace, { from, to, alias });
    if (refusal === undefined) return;
    throw new AppError(refusal.code, `rename link ${from} to ${to}`, refusal.text);
  }

  answerFor(link: string, addresses: ReadonlySet<Ip>): void {
    if (this.namespace.links.has(link)) this.namespace.proxies.set(link, new Set(addresses));
  }

  peerIndexOf(): undefined {
    return undefined;
  }

  takeLink(): void {}

  lookUp(destinations: readonly Ip[]): ReadonlyMap<Ip, RouteLookup> {
    return new Map(destinations.map((ip) => [ip, lookUp(this.namespace, ip)]));
  }

  watch(listener: (hint: Hint) => void): () => void {
    const ownsLink = (name: string): boolean => this.#ownsLink(name);
    const watcher = { kernel: this, listener, ownsLink };
    this.namespace.watchers.add(watcher);
    return () => void this.namespace.watchers.delete(watcher);
  }

  /** Tells of nothing in particular, as after a receive overflow. */
  hint(hint: Hint): void {
    this.namespace.tell([hint]);
  }

  close(): void {
    for (const watcher of this.namespace.watchers) {
      if (watcher.kernel === this) this.namespace.watchers.delete(watcher);
    }
  }

  #effectOn(op: Op): Fault['effect'] | undefined {
    for (const armed of this.#faults) {
      const { fault } = armed;
      if (armed.hit >= (fault.times ?? 1) || fault.matches?.(op) === false) continue;
      armed.passed += 1;
      if (armed.passed <= (fault.skip ?? 0)) continue;
      armed.hit += 1;
      return fault.effect;
    }
    return undefined;
  }
}

function birdRoutesOf({ routes }: FakeNamespace): Map<Cidr, Route> {
  const found = [...routes.values()].filter(
    ({ protocol, table }) => protocol === BIRD_PROTOCOL && table === MAIN_TABLE,
  );
  // The smallest metric comes last and stays.
  found.sort((a, b) => b.metric - a.metric);
  return new Map(found.map((route) => [route.destination, route]));
}

const WATCHED = {
  links: 'link',
  addresses: 'address',
  nexthops: 'nexthop',
  routes: 'route',
  neighbours: 'neighbour',
  fdb: 'neighbour',
  rules: 'rule',
} as const satisfies Partial<Record<keyof FakeNamespace, Hint>>;

/** Carries out one op and tells everybody but `by` of it and of its consequences. */
function carryOut(namespace: FakeNamespace, op: Op, by: Kernel | undefined): Refusal | undefined {
  const sizes = (): number[] =>
    Object.keys(WATCHED).map((kind) => namespace[kind as keyof typeof WATCHED].size);
  const before = sizes();
  const refusal = execute(namespace, op);
  if (refusal !== undefined) return refusal;
  const after = sizes();
  const hints = new Set(hintsOf(op));
  for (const [index, hint] of Object.values(WATCHED).entries()) {
    if (before[index] !== after[index]) hints.add(hint);
  }
  const isNeighbour = op.object === 'neighbour' || op.object === 'fdb';
  namespace.tell([...hints], by, isNeighbour ? op.value.link : undefined);
  return undefined;
}

function hintsOf(op: Op): Hint[] {
  if (op.object === 'sysctl')
    return /(forward|forwarding|rp_filter)$/.test(op.value.path) ? ['sysctl'] : [];
  if (op.object === 'fdb') return ['neighbour'];
  return [op.object === 'nft-table' || op.object === 'nft-element' ? 'nft' : op.object];
}

function execute(namespace: FakeNamespace, op: Op): Refusal | undefined {
  const { verb } = op;
  switch (op.object) {
    case 'link':
      if (verb === 'remove') return removeLink(namespace, op.value.name);
      return verb === 'add' ? addLink(namespace, op.value) : changeLink(namespace, op.value);
    case 'address':
      return doAddress(namespace, verb, op.value);
    case 'nexthop':
      return doNexthop(namespace, verb, op.value);
    case 'route':
      return doRoute(namespace, verb, op.value);
    case 'neighbour':
      return doNeighbour(namespace, verb, op.value);
    case 'fdb':
      return doFdb(namespace, verb, op.value);
    case 'rule':
      return doRule(namespace, verb, op.value);
    case 'qdisc':
      return doQdisc(namespace, verb, op.value);
    case 'sysctl':
      return verb === 'remove' ? undefined : writeSysctl(namespace, op.value);
    case 'nft-table':
      return doNftTable(namespace, verb, op.value);
    case 'nft-element':
      return doNftElement(namespace, verb, op.value);
  }
}
