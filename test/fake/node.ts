// One node with the production reconciler over a kernel in memory: agents come and go on it, the
// namespace stays, as on a real machine.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OriginalSysctls } from '../../src/agent/original-sysctls.ts';
import type { PassOutcome } from '../../src/agent/reconciler.ts';
import { Reconciler } from '../../src/agent/reconciler.ts';
import type { BirdLife } from '../../src/backend/backend.ts';
import type { Remembered, Synced } from '../../src/cluster/cluster.ts';
import type { ClusterNode } from '../../src/cluster/node.ts';
import type { Config } from '../../src/config/config.ts';
import type { Verdicts } from '../../src/desired/paths.ts';
import type { Attachment } from '../../src/endpoint/attachment.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Ip } from '../../src/net/ip.ts';
import type { Mac } from '../../src/net/mac.ts';
import type { KernelState, Link } from '../../src/state/kernel-state.ts';
import { OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../../src/state/own.ts';
import { printState } from '../../src/state/print.ts';
import { FakeClock } from './clock.ts';
import { clusterOf } from './cluster.ts';
import { EVERYTHING_ANSWERS } from './echo.ts';
import { FakeKernel } from './kernel.ts';
import { FakeMachine, type FakeNamespace } from './namespace.ts';

/** More passes than any change needs: a loop that never ends is a fault. */
const PASSES_MAX = 8;

const UNDERLAY: Link = {
  kind: 'other',
  driver: '',
  name: 'eth0',
  up: true,
  mtuBytes: 1500,
  mac: '02:00:00:00:ee:01' as Mac,
  group: 0,
  alias: '',
};

export class FakeNode implements Disposable {
  readonly namespace: FakeNamespace;
  readonly #stateDir = mkdtempSync(join(tmpdir(), 'poplin-node-'));
  readonly #clock = new FakeClock();
  attachments: readonly Attachment[] = [];
  verdicts: Verdicts = EVERYTHING_ANSWERS;
  bird: BirdLife | undefined;
  /** To where marked probes were held back, as told before the kernel changed. */
  readonly heldProbes: Ip[] = [];
  kernel: FakeKernel;
  #reconciler: Reconciler;

  constructor() {
    this.namespace = new FakeMachine().namespace('node');
    this.namespace.links.set('eth0', UNDERLAY);
    const address = { link: 'eth0', address: '192.168.1.1' as Ip, lengthBits: 24 };
    const entry = { ...address, scope: 'global', protocol: 0 } as const;
    this.namespace.addresses.set('eth0 192.168.1.1/24', entry);
    this.kernel = new FakeKernel(this.namespace);
    this.#reconciler = this.#start();
  }

  /** As whoever hears of the kernel's changes has it done. */
  forgetLookups(): void {
    this.#reconciler.forgetLookups();
  }

  /** A new agent process over what the last one left in the kernel. */
  restart(): void {
    this.kernel.close();
    this.kernel = new FakeKernel(this.namespace);
    this.#reconciler = this.#start();
  }

  pass(config: Config, nodes: readonly ClusterNode[]): Promise<PassOutcome> {
    return this.passBy(config, clusterOf(nodes));
  }

  passBy(config: Config, cluster: Synced | Remembered): Promise<PassOutcome> {
    const subnets = cluster.nodes.get('node-1')?.subnets ?? [];
    const families = config.families.map(({ family }) => family);
    const served = { config, families, neededFamilies: families, retired: [] };
    return this.#reconciler.pass({ ...served, cluster, right: { subnets } });
  }

  /**
   * Passes until one finds nothing to do, now and when the time has come for what waits: the ops
   * that were refused. Throws without an end.
   */
  async converge(config: Config, nodes: readonly ClusterNode[]): Promise<string[]> {
    const refused: string[] = [];
    for (let count = 0; count < PASSES_MAX; count += 1) {
      const { ops, failures } = await this.pass(config, nodes);
      refused.push(...failures.map(({ error }) => error.message));
      const dueAfterMs = this.#reconciler.dueAfterMs;
      if (ops.length === 0 && dueAfterMs === undefined) return refused;
      if (ops.length === 0) await this.#clock.advance(dueAfterMs ?? 0);
    }
    throw new Error(`the node still changes something after ${PASSES_MAX} passes`);
  }

  state(): KernelState {
    return new FakeKernel(this.namespace).read({
      sysctls: ['ipv4/ip_forward'],
      routeProtocol: OWN_PROTOCOL,
      rulePriority: PROBE_TABLE,
      nft: true,
      ownsLink,
    });
  }

  text(): string {
    return printState(this.state());
  }

  [Symbol.dispose](): void {
    this.kernel.close();
    rmSync(this.#stateDir, { recursive: true });
  }

  #start(): Reconciler {
    return new Reconciler({
      kernel: this.kernel,
      clock: this.#clock,
      log: silentLog,
      nodeName: 'node-1',
      machine: 'machine-1',
      originals: new OriginalSysctls(this.#stateDir, 'boot', silentLog),
      attachments: () => this.attachments,
      verdicts: () => this.verdicts,
      underlayMtus: () => new Map(),
      bird: () => this.bird,
      holdProbes: ({ destinations }) => void this.heldProbes.push(...destinations),
      pendingLinks: () => new Set(),
      pendingAddresses: () => new Set(),
    });
  }
}
