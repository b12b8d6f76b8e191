// Carries out a list of ops in its order. Neighbouring ops of one kind go together: rtnetlink in
// batches, links to be removed in one step, elements of nftables sets in one transaction. It gives
// way to other work only where the kernel or nft let it wait.

import { AppError } from '../lib/errors.ts';
import { MessageWriter } from '../netlink/message.ts';
import type { LinkRemoval, Op } from '../state/op.ts';
import type { OpFailure } from './kernel.ts';
import type { LinkAdd } from './link-touches.ts';
import type { NftElementOp } from './nft-elements.ts';
import { applyNftElements } from './nft-elements.ts';
import type { NftTableOp } from './nft-table.ts';
import { applyNftTable } from './nft-table.ts';
import { removeLinks } from './remove-links.ts';
import { RtnetlinkBatch } from './rtnetlink-batch.ts';
import type { Session } from './session.ts';
import { linkSettingOf } from './sysctl.ts';
import { tryInThread } from './thread-try.ts';

type FileOp = Op & { readonly object: 'sysctl' };

type Run =
  | { readonly way: 'rtnetlink'; readonly ops: Op[] }
  | { readonly way: 'link-removal'; readonly ops: LinkRemoval[] }
  | { readonly way: 'file'; readonly ops: FileOp[] }
  | { readonly way: 'nft-table'; readonly ops: NftTableOp[] }
  | { readonly way: 'nft-elements'; readonly ops: NftElementOp[] };

export async function applyOps(session: Session, ops: readonly Op[]): Promise<OpFailure[]> {
  const failures: OpFailure[] = [];
  for (const run of runsOf(ops)) {
    const result = applyRun(session, run);
    // No `await` where there is nothing to wait for: others must not see half of what is done.
    failures.push(...(result instanceof Promise ? await result : result));
  }
  return failures;
}

const NOTHING_DONE: ReadonlySet<Op> = new Set();
/** Of what goes by another thread: a pod has five ops for each family. */
const JOB_OPS_MAX = 14;
const BRIEF_WRITER_BYTES = 1024;

type Result = readonly OpFailure[] | Promise<readonly OpFailure[]>;

function applyRun(session: Session, run: Run): Result {
  switch (run.way) {
    case 'rtnetlink':
      return applyByRtnetlink(session, run.ops);
    case 'link-removal':
      return removeLinks(session, run.ops);
    case 'file':
      return run.ops.flatMap((op) => writeFile(session, op));
    case 'nft-table':
      return applyNftTables(session, run.ops);
    case 'nft-elements':
      return applyNftElements(session, run.ops);
  }
}

function applyByRtnetlink(session: Session, ops: readonly Op[]): Result {
  const isShort = ops.length <= JOB_OPS_MAX;
  if (session.isBrief && isShort) return applyBriefly(session, ops);
  const pairs = leadingPairs(ops);
  if (pairs.length === 0) return applyBatch(session, ops, NOTHING_DONE);
  // With all that comes with them, or of many the pairs alone.
  const jobs = isShort ? [ops] : pairs.map((pair) => [pair]);
  return Promise.all(jobs.map((job) => session.threads.carryOut(job))).then((done) =>
    applyRest(session, ops, new Set(done.flatMap((some) => [...some]))),
  );
}

/** Its socket waits for nothing else. */
async function applyBriefly(session: Session, ops: readonly Op[]): Promise<readonly OpFailure[]> {
  const channel = { socket: session.route, writer: new MessageWriter(BRIEF_WRITER_BYTES) };
  const job = { ops, indexes: new Map(), settles: [] };
  const done = await tryInThread(session, channel, [job]);
  return applyRest(session, ops, new Set(done.get(job)));
}

/** What another thread has tried is done, or is done again with a look at what is in the way. */
function applyRest(
  session: Session,
  ops: readonly Op[],
  done: ReadonlySet<Op>,
): readonly OpFailure[] {
  return ops.every((op) => done.has(op)) ? [] : applyBatch(session, ops, done);
}

function applyBatch(
  session: Session,
  ops: readonly Op[],
  done: ReadonlySet<Op>,
): readonly OpFailure[] {
  const batch = new RtnetlinkBatch(session);
  batch.lookUpLinks(ops);
  for (const op of ops) {
    if (done.has(op) && isPairAdd(op)) batch.takeMade(op);
    else batch.add(op);
  }
  return batch.finish();
}

/** Pairs that are to be made before anything else. */
function leadingPairs(ops: readonly Op[]): readonly LinkAdd[] {
  const end = ops.findIndex((op) => !isPairAdd(op));
  return ops.slice(0, end < 0 ? ops.length : end).filter(isPairAdd);
}

const isPairAdd = (op: Op): op is LinkAdd =>
  op.object === 'link' && op.verb === 'add' && op.value.kind === 'veth';

/** A setting is never absent, so there is nothing to do for a removal. */
function writeFile(session: Session, op: FileOp): OpFailure[] {
  if (op.verb === 'remove') return [];
  try {
    session.observer?.beforeOwn();
    session.sysctls.write(op.value.path, op.value.value);
    session.observer?.afterOwn([op]);
    return [];
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return [{ op, error }];
  }
}

async function applyNftTables(session: Session, ops: readonly NftTableOp[]): Promise<OpFailure[]> {
  const failures: OpFailure[] = [];
  for (const op of ops) failures.push(...(await applyNftTable(session, op)));
  return failures;
}

/** Splits the list where the way changes; the order stays. */
function runsOf(ops: readonly Op[]): Run[] {
  const runs: Run[] = [];
  for (const op of ops) {
    const single = runOf(op);
    const last = runs.at(-1);
    if (last?.way === single.way) (last.ops as Op[]).push(op);
    else runs.push(single);
  }
  return runs;
}

function runOf(op: Op): Run {
  switch (op.object) {
    case 'nft-table':
      return { way: 'nft-table', ops: [op] };
    case 'nft-element':
      return { way: 'nft-elements', ops: [op] };
    case 'link':
      if (op.verb === 'remove') return { way: 'link-removal', ops: [op] };
      return { way: 'rtnetlink', ops: [op] };
    case 'sysctl':
      if (op.verb === 'remove' || linkSettingOf(op.value.path) === undefined) {
        return { way: 'file', ops: [op] };
      }
      return { way: 'rtnetlink', ops: [op] };
    default:
      return { way: 'rtnetlink', ops: [op] };
  }
}
