// Takes away what Poplin has left on a node, in the reverse of the order in which it came: no pod
// is started any more, peers stop to send here, then the kernel, and last what the next start would
// go by. It says each thing that it did, and what is left and why; a second run finds the rest. A
// dry run looks at the same and changes nothing.

import { putBackFlannel, setAsideIn } from '../cni/flannel-conflist.ts';
import type { Kernel, ReadScope } from '../kernel/kernel.ts';
import { AppError, describeError } from '../lib/errors.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Trace, Withdrawal } from '../source/withdrawal.ts';
import type { Op } from '../state/op.ts';
import { BIRD_PROTOCOL, OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../state/own.ts';
import { printOp } from '../state/print.ts';
import type { FilePlaces } from './file-traces.ts';
import {
  birdFilesIn,
  conflistIn,
  executableIn,
  removeDirectory,
  removeFile,
  runFilesIn,
  stateFilesIn,
} from './file-traces.ts';
import type { FlannelReturn } from './flannel-traces.ts';
import { flannelReturn } from './flannel-traces.ts';
import { birdTraces, ownTraces, sysctlTraces } from './kernel-traces.ts';

export type CleanupReport = {
  /** Was done, or would be in a dry run. */
  did(what: string): void;
  left(what: string, why: string): void;
};

export type CleanupParts = {
  readonly kernel: Kernel;
  readonly places: FilePlaces;
  /** Of pods. */
  readonly networks: readonly Cidr[];
  /** What sysctls were before. */
  readonly originals: ReadonlyMap<string, string>;
  /** Why it is not known what they were; '' when it is. */
  readonly originalsProblem: string;
  /** Of pods that lose their network. */
  readonly podAddresses: readonly Ip[];
  /** Rejects with AppError when it cannot even be asked. */
  openWithdrawal(): Promise<Withdrawal>;
  readonly isDryRun: boolean;
  readonly report: CleanupReport;
  readonly stop: AbortSignal;
};

/** Returns how many things are left. */
export async function cleanUp(parts: CleanupParts): Promise<number> {
  return new Cleanup(parts).run();
}

class Cleanup {
  readonly #parts: CleanupParts;
  #left = 0;

  constructor(parts: CleanupParts) {
    this.#parts = parts;
  }

  async run(): Promise<number> {
    const { places, kernel } = this.#parts;
    const flannel = flannelReturn(kernel.read(scopeOf(OWN_PROTOCOL)));
    this.#removeFiles(conflistIn(places));
    this.#clearSetAside(flannel !== undefined);
    const withdrawal = await this.#withdrawAdverts(flannel !== undefined);
    const isKernelClean = await this.#cleanKernel(flannel);
    await this.#withdrawClaims(withdrawal, isKernelClean);
    this.#removeFiles(birdFilesIn(places), places.birdDir);
    this.#removeFiles(executableIn(places));
    this.#removeFiles(runFilesIn(places), places.runDir);
    // They hold what a second run goes by.
    if (isKernelClean) this.#removeFiles(stateFilesIn(places), places.stateDir);
    else this.#leave(`${places.stateDir}`, 'it says what sysctls were, for the next cleanup');
    return this.#left;
  }

  /** Flannel's conflist is put back where its pods are left, else it is of no use. */
  #clearSetAside(returns: boolean): void {
    const { places, report, isDryRun } = this.#parts;
    const paths = setAsideIn(places.cniConfDir);
    if (!returns) {
      this.#removeFiles(paths);
      return;
    }
    for (const path of paths) {
      try {
        if (!isDryRun) putBackFlannel(path);
        report.did(`put back what is now ${path}`);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        this.#leave(path, describeError(error));
      }
    }
  }

  async #withdrawAdverts(keepsFlannel: boolean): Promise<Withdrawal | undefined> {
    try {
      const withdrawal = await this.#parts.openWithdrawal();
      const isThere = await this.#withdraw(withdrawal, (stop) =>
        withdrawal.adverts(stop, keepsFlannel),
      );
      if (isThere) return withdrawal;
      withdrawal.close();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#leave('what this node has published, and its subnets', describeError(error));
    }
    return undefined;
  }

  /** Never before the kernel has nothing of the subnets any more: another node may claim them. */
  async #withdrawClaims(withdrawal: Withdrawal | undefined, isKernelClean: boolean): Promise<void> {
    if (withdrawal === undefined) return;
    if (isKernelClean) await this.#withdraw(withdrawal, (stop) => withdrawal.claims(stop));
    else this.#leave(`this node's subnets in ${withdrawal.place}`, 'the kernel still has them');
    withdrawal.close();
  }

  /** Whether the datastore answered. */
  async #withdraw(
    { place }: Withdrawal,
    find: (stop: AbortSignal) => Promise<readonly Trace[]>,
  ): Promise<boolean> {
    const { stop, isDryRun, report } = this.#parts;
    let traces: readonly Trace[];
    try {
      traces = await find(stop);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#leave(`what ${place} has of this node (advert, subnets)`, describeError(error));
      return false;
    }
    for (const { what, remove } of traces) {
      await this.#attempt(what, async () => {
        if (!isDryRun) await remove(stop);
        report.did(`remove ${what}`);
      });
    }
    return true;
  }

  async #cleanKernel(flannel: FlannelReturn | undefined): Promise<boolean> {
    const { kernel, networks, places, podAddresses, originalsProblem } = this.#parts;
    const before = this.#left;
    await this.#attempt('the kernel', async () => {
      if (flannel !== undefined) await this.#giveBack(flannel);
      // BIRD's first: they would lead to pods that are not there.
      const hasRunBird = birdFilesIn(places).length > 0;
      if (hasRunBird) await this.#apply(birdTraces(kernel.read(scopeOf(BIRD_PROTOCOL))));
      await this.#apply(ownTraces(kernel.read(scopeOf(OWN_PROTOCOL)), networks));
      if (flannel !== undefined) await this.#apply(flannel.last);
      await this.#restoreSysctls();
    });
    if (originalsProblem !== '') this.#leave('sysctls', originalsProblem);
    if (podAddresses.length > 0 && !this.#parts.isDryRun) await this.#forget(podAddresses);
    return this.#left === before;
  }

  async #giveBack({ bridge, first, renames }: FlannelReturn): Promise<void> {
    const { kernel, isDryRun, report } = this.#parts;
    await this.#apply(first);
    for (const rename of renames) {
      if (!isDryRun) kernel.renameLink(rename);
      report.did(`rename link ${rename.from} to ${rename.to}`);
    }
    if (!isDryRun) kernel.answerFor(bridge.link, new Set());
  }

  async #restoreSysctls(): Promise<void> {
    const first = this.#differingSysctls().first;
    await this.#apply(first);
    await this.#apply(this.#differingSysctls().others);
  }

  #differingSysctls() {
    const { kernel, originals } = this.#parts;
    const scope = { ...scopeOf(OWN_PROTOCOL), sysctls: [...originals.keys()] };
    return sysctlTraces(originals, kernel.read(scope).sysctls);
  }

  async #apply(ops: readonly Op[]): Promise<void> {
    const { kernel, report, isDryRun } = this.#parts;
    const failures = isDryRun || ops.length === 0 ? [] : await kernel.apply(ops);
    const errors = new Map(failures.map(({ op, error }) => [op, error]));
    for (const op of ops) {
      const error = errors.get(op);
      if (error === undefined) report.did(printOp(op));
      else this.#leave(printOp(op), describeError(error));
    }
  }

  /** Best effort: they end by themselves, too. */
  async #forget(addresses: readonly Ip[]): Promise<void> {
    const isFree = (): boolean => true;
    const stale = addresses.map((address) => ({ kind: 'of-address', address, isFree }) as const);
    await this.#parts.kernel.forgetConnections(stale).catch(() => 0);
  }

  /** And the directory, when nothing else is in it. */
  #removeFiles(paths: readonly string[], directory?: string): void {
    const { report, isDryRun } = this.#parts;
    for (const path of paths) {
      try {
        if (!isDryRun) removeFile(path);
        report.did(`remove ${path}`);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        this.#leave(path, describeError(error));
      }
    }
    if (directory === undefined || isDryRun) return;
    const why = removeDirectory(directory);
    if (why === '') report.did(`remove ${directory}`);
    else if (why !== undefined) this.#leave(directory, why);
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#leave(what, describeError(error));
    }
  }

  #leave(what: string, why: string): void {
    this.#left += 1;
    this.#parts.report.left(what, why);
  }
}

const scopeOf = (routeProtocol: number): ReadScope => ({
  sysctls: [],
  routeProtocol,
  rulePriority: PROBE_TABLE,
  nft: true,
  ownsLink,
  aside: true,
});
