// A kubelet's side of the container runtime interface, for tests: calls over the runtime's own
// socket, with the answers as plain objects.

import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const CALL_TIMEOUT_MS = 120_000;

type Condition = {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
};

export type Sandbox = {
  readonly id: string;
  readonly state: string;
  readonly addresses: readonly string[];
  /** Path of its network namespace, as the runtime sees it; '' when it has none any more. */
  readonly netns: string;
  readonly pid: number;
};

type PodPort = {
  readonly protocol: 'TCP' | 'UDP';
  readonly containerPort: number;
  readonly hostPort: number;
};

export type PodWishes = {
  readonly ports?: readonly PodPort[];
  readonly annotations?: Readonly<Record<string, string>>;
};

type Call = (
  request: object,
  options: { deadline: Date },
  callback: (error: Error | null, answer: Record<string, never>) => void,
) => void;

type StatusAnswer = { readonly status: { readonly conditions: readonly Condition[] } };
type SandboxAnswer = {
  readonly status: {
    readonly id: string;
    readonly state: string;
    readonly network: {
      readonly ip: string;
      readonly additional_ips: readonly { readonly ip: string }[];
    } | null;
  };
  readonly info: Readonly<Record<string, string>>;
};
type SandboxInfo = {
  readonly pid: number;
  readonly runtimeSpec?: {
    readonly linux: { readonly namespaces: readonly { type: string; path?: string }[] };
  };
};

export class CriClient {
  readonly #client: grpc.Client;
  readonly #cgroupParent: string;

  constructor(socketPath: string, cgroupParent: string) {
    const definition = loadSync(join(import.meta.dirname, 'cri.proto'), {
      keepCase: true,
      enums: String,
      defaults: true,
    });
    const service = definition['runtime.v1.RuntimeService'] as grpc.ServiceDefinition;
    const Client = grpc.makeGenericClientConstructor(service, 'RuntimeService');
    this.#client = new Client(`unix://${socketPath}`, grpc.credentials.createInsecure());
    this.#cgroupParent = cgroupParent;
  }

  /** Kubelet asks this every five seconds, and takes the node out of service by it. */
  async networkReady(): Promise<Condition> {
    const { status } = await this.#call<StatusAnswer>('Status', {});
    const ready = status.conditions.find(({ type }) => type === 'NetworkReady');
    if (ready === undefined) throw new TypeError('the runtime does not speak of its network');
    return ready;
  }

  /** The conflist that it goes by, as JSON. */
  async networkConfig(): Promise<string> {
    const answer = await this.#call<{ info: Record<string, string> }>('Status', { verbose: true });
    return answer.info.cniconfig ?? '';
  }

  async run(name: string, wishes: PodWishes = {}): Promise<string> {
    const { ports = [], annotations = {} } = wishes;
    const answer = await this.#call<{ pod_sandbox_id: string }>('RunPodSandbox', {
      config: {
        metadata: { name, uid: `uid-${name}`, namespace: 'default', attempt: 0 },
        hostname: name,
        annotations,
        // Or it copies the machine's own, which need not be there.
        dns_config: { servers: ['10.96.0.10'] },
        port_mappings: ports.map(({ protocol, containerPort, hostPort }) => ({
          protocol,
          container_port: containerPort,
          host_port: hostPort,
        })),
        linux: { cgroup_parent: this.#cgroupParent },
      },
    });
    return answer.pod_sandbox_id;
  }

  async sandbox(id: string): Promise<Sandbox> {
    const request = { pod_sandbox_id: id, verbose: true };
    const { status, info } = await this.#call<SandboxAnswer>('PodSandboxStatus', request);
    const { ip = '', additional_ips: more = [] } = status.network ?? {};
    const details = JSON.parse(info.info ?? '{}') as SandboxInfo;
    const namespaces = details.runtimeSpec?.linux.namespaces ?? [];
    return {
      id,
      state: status.state,
      addresses: [ip, ...more.map((each) => each.ip)].filter((text) => text !== ''),
      netns: namespaces.find(({ type }) => type === 'network')?.path ?? '',
      pid: details.pid,
    };
  }

  async stop(id: string): Promise<void> {
    await this.#call('StopPodSandbox', { pod_sandbox_id: id });
  }

  async remove(id: string): Promise<void> {
    await this.#call('RemovePodSandbox', { pod_sandbox_id: id });
  }

  close(): void {
    this.#client.close();
  }

  #call<Answer>(method: string, request: object): Promise<Answer> {
    const call = Reflect.get(this.#client, method) as Call;
    const deadline = new Date(Date.now() + CALL_TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      call.call(this.#client, request, { deadline }, (error, answer) => {
        if (error === null) resolve(answer as Answer);
        else reject(error);
      });
    });
  }
}
