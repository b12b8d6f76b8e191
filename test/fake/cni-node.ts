// The CNI service on a machine in memory: fake kernel, fake files, fake clock. A restart keeps the
// machine and its files, as a real one does. Descriptors are numbers that stand for namespaces.

import type { Namespaces } from '../../src/cni/context.ts';
import type { CniReply } from '../../src/cni/frame.ts';
import type { NodeReadiness } from '../../src/cni/node-network.ts';
import { CniService } from '../../src/cni/service.ts';
import { AttachmentStore } from '../../src/cni/store.ts';
import { AppError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Cidr } from '../../src/net/cidr.ts';
import type { Ip } from '../../src/net/ip.ts';
import { printState } from '../../src/state/print.ts';
import { FakeClock } from './clock.ts';
import { FakeKernel } from './kernel.ts';
import { FakeMachine } from './namespace.ts';
import { FakeFiles } from './store-files.ts';

export type FakeCall = {
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly stdin?: string;
  readonly isRepeated?: boolean;
};

const HOST = '/run/netns/host';
const HOST_DESCRIPTOR = 3;
const POD_DESCRIPTOR = 7;

const NETWORK = {
  subnets: ['10.244.1.0/24', 'fd00:10:244:1::/64'] as Cidr[],
  sources: ['10.244.1.0', 'fd00:10:244:1::'] as Ip[],
  whenFull: { kind: 'stays', reason: 'the test gives no more' } as const,
  linkMtuBytes: 1500,
  routeMtuBytes: 1450,
};

export const READY = { kind: 'ready', network: NETWORK } as const satisfies NodeReadiness;

export class FakeCniNode {
  readonly machine = new FakeMachine();
  readonly files = new FakeFiles();
  readonly clock = new FakeClock();
  readonly pod = '/run/netns/pod';
  readiness: NodeReadiness = READY;
  /** Its path leads nowhere any more. */
  podIsGone = false;
  host = new FakeKernel(this.machine.namespace(HOST));
  podKernel = new FakeKernel(this.machine.namespace(this.pod));
  store = this.#openStore();
  service = this.#start();

  constructor() {
    const { namespace } = this.host;
    namespace.nftComments = ['poplin 0123456789abcdef 1/1'];
    for (const path of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
      namespace.sysctls.set(path, '1');
    }
    const lo = { link: 'lo', scope: 'global', protocol: 113 } as const;
    for (const [address, lengthBits] of [
      ['10.244.1.0', 32],
      ['fd00:10:244:1::', 128],
    ] as const) {
      namespace.addresses.set(`lo ${address}/${lengthBits}`, {
        ...{ ...lo, lengthBits },
        address: address as Ip,
      });
    }
  }

  /** Ends the process without a word and starts another on what is left. */
  restart(): void {
    this.files.crashAt = Number.POSITIVE_INFINITY;
    this.host = new FakeKernel(this.machine.namespace(HOST));
    this.podKernel = new FakeKernel(this.machine.namespace(this.pod));
    this.store = this.#openStore();
    this.service = this.#start();
  }

  call(verb: string, { env, config, stdin, isRepeated = false }: FakeCall = {}): Promise<CniReply> {
    const environment = new Map(
      Object.entries({
        CNI_COMMAND: verb,
        CNI_CONTAINERID: 'c1',
        CNI_NETNS: this.pod,
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/opt/cni/bin',
        ...env,
      }),
    );
    const netns = environment.get('CNI_NETNS');
    const known = new Map([
      [HOST, HOST_DESCRIPTOR],
      [this.pod, POD_DESCRIPTOR],
    ]);
    const descriptor = netns === undefined ? undefined : known.get(netns);
    const text =
      stdin ?? JSON.stringify({ cniVersion: '1.1.0', name: 'poplin', type: 'poplin', ...config });
    const hasNetns = descriptor !== undefined;
    return this.service.handle(
      { environment, stdin: Buffer.from(text), hasNetns, isRepeated },
      descriptor,
    );
  }

  /** Links, routes and files of pods; '' when nothing of any pod is left. */
  leftovers(): string {
    const { namespace } = this.host;
    const links = [...namespace.links.values()].filter(({ name }) => name !== 'lo');
    const files = this.files.list('/state/attachments').filter((name) => name !== 'released');
    const routes = [...namespace.routes.keys()];
    const inPod = [...this.podKernel.namespace.links.keys()].filter((name) => name !== 'lo');
    return [...links.map(({ name }) => name), ...routes, ...files, ...inPod].join('\n');
  }

  /** The host's namespace as text. */
  printHost(): string {
    const ownsLink = (name: string): boolean => name.startsWith('poplin');
    const scope = { sysctls: [], routeProtocol: 113, rulePriority: 113, nft: false, ownsLink };
    return printState(this.host.read(scope));
  }

  /** The pod's namespace as text. */
  printPod(): string {
    const ownsLink = (name: string): boolean => name === 'eth0';
    const scope = { sysctls: [], routeProtocol: 113, rulePriority: 113, nft: false, ownsLink };
    return printState(this.podKernel.read(scope));
  }

  #start(): CniService {
    const { files, clock, host, store } = this;
    return new CniService({
      context: {
        store,
        host,
        openPodKernel: () => this.podKernel,
        namespaces: this.#namespaces(),
        readiness: () => this.readiness,
        clock,
        log: silentLog,
        attachmentsChanged: () => undefined,
        tombstones: { directory: '/state/tombstones', files },
        readyTimeoutMs: 20_000,
        stop: new AbortController().signal,
      },
    });
  }

  #openStore(): AttachmentStore {
    const { files, clock } = this;
    return new AttachmentStore({ directory: '/state/attachments', files, clock, log: silentLog });
  }

  #namespaces(): Namespaces {
    return {
      ownInode: () => HOST_DESCRIPTOR,
      inodeOf: (descriptor) => descriptor,
      hold: () => ({ path: this.pod, release: () => undefined }),
      inodeAt: (path) => (path === this.pod && !this.podIsGone ? POD_DESCRIPTOR : undefined),
      open: (path, inode) => {
        if (path === this.pod && inode === POD_DESCRIPTOR) {
          return { descriptor: POD_DESCRIPTOR, close: () => undefined };
        }
        throw new AppError('NETNS', `open network namespace ${path}`, 'it is another one');
      },
    };
  }
}
