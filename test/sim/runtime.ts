// The container runtime and kubelet of one machine: they start pods by CNI ADD when the node says
// that it can, end them by DEL, and leave a tombstone where the agent does not answer, as the
// executable does. A call that is not answered in time is given up, and its pod with it.

import { encodeRequest } from '../../src/cni/frame.ts';
import { tombstoneNameOf } from '../../src/cni/tombstones.ts';
import { parseIp } from '../../src/net/ip.ts';
import type { SimTime } from './clock.ts';
import type { SimMachine, SimPod } from './machine.ts';
import type { Trace } from './trace.ts';

const CALL_TIMEOUT_MS = 3_000;
const STDIN = JSON.stringify({ cniVersion: '1.1.0', name: 'poplin', type: 'poplin' });

type Parts = {
  readonly machine: SimMachine;
  readonly time: SimTime;
  readonly trace: Trace;
};

export class SimRuntime {
  readonly #parts: Parts;
  #podCount = 0;
  #hasFailed = false;
  /** Containers of before a reboot, whose DEL is still due. */
  readonly #gone: string[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The machine is about to lose its kernel. */
  forgetPods(): void {
    for (const { containerId } of this.#parts.machine.pods.values()) this.#gone.push(containerId);
  }

  /** Brings the pods to their number. */
  tick(wanted: number): void {
    const { machine } = this.#parts;
    if (machine.process === undefined || !machine.hasConflist) return;
    for (const containerId of this.#gone.splice(0)) this.#sendDel(containerId, undefined);
    const pods = [...machine.pods.values()];
    for (const pod of pods) if (pod.state === 'going') this.end(pod);
    for (const pod of pods.filter(({ state }) => state === 'up').slice(wanted)) this.end(pod);
    // After a failure one at a time, as a backoff would have it.
    const target = this.#hasFailed ? Math.min(wanted, pods.length + 1) : wanted;
    for (let count = pods.length; count < target; count += 1) this.#start();
  }

  end(pod: SimPod): void {
    const { machine, trace } = this.#parts;
    if (pod.state !== 'going') trace.add(machine.id, `pod ${pod.name} ends`);
    pod.state = 'going';
    this.#sendDel(pod.containerId, pod);
  }

  #start(): void {
    const { machine, trace, time } = this.#parts;
    this.#podCount += 1;
    const pod = machine.makePod(`${machine.id}-p${this.#podCount}`);
    const { process } = machine;
    const give = (why: string): void => {
      if (machine.pods.get(pod.name) !== pod || pod.state !== 'starting') return;
      this.#hasFailed = true;
      trace.add(machine.id, `pod ${pod.name} does not start: ${why}`);
      this.end(pod);
    };
    time.after(CALL_TIMEOUT_MS, () => give('no answer'));
    void process?.call(frameOf('ADD', pod.containerId, pod.netns), pod.descriptor).then((reply) => {
      if (reply.exitCode !== 0) return give(reply.stdout.replaceAll(/\s+/g, ' ').slice(0, 160));
      if (machine.pods.get(pod.name) !== pod || pod.state !== 'starting') return;
      const result = JSON.parse(reply.stdout) as { ips: readonly { readonly address: string }[] };
      pod.addresses = result.ips.flatMap(
        ({ address }) => parseIp(address.split('/')[0] ?? '') ?? [],
      );
      pod.state = 'up';
      this.#hasFailed = false;
      trace.add(machine.id, `pod ${pod.name} has ${pod.addresses.join(', ')}`);
    });
  }

  #sendDel(containerId: string, pod: SimPod | undefined): void {
    const { machine, time } = this.#parts;
    const { process } = machine;
    let isAnswered = false;
    const finish = (): void => {
      isAnswered = true;
      if (pod !== undefined && machine.pods.get(pod.name) === pod) machine.removePod(pod);
    };
    const bury = (): void => {
      if (isAnswered) return;
      const path = `/state/tombstones/${tombstoneNameOf({ containerId, ifName: 'eth0' })}`;
      const bytes = encodeRequest(frameOf('DEL', containerId, pod?.netns));
      machine.files.contents.set(path, bytes.toString('latin1'));
      finish();
    };
    if (process === undefined) {
      bury();
      return;
    }
    const bootedAtMs = machine.bootedAtMs;
    time.after(CALL_TIMEOUT_MS, () => {
      if (machine.isOn && machine.bootedAtMs === bootedAtMs) bury();
    });
    void process.call(frameOf('DEL', containerId, pod?.netns), pod?.descriptor).then((reply) => {
      if (reply.exitCode === 0) finish();
      else if (pod === undefined) this.#gone.push(containerId);
    });
  }
}

function frameOf(verb: 'ADD' | 'DEL', containerId: string, netns: string | undefined) {
  const environment = new Map([
    ['CNI_COMMAND', verb],
    ['CNI_CONTAINERID', containerId],
    ['CNI_IFNAME', 'eth0'],
    ['CNI_PATH', '/opt/cni/bin'],
    ...(netns === undefined ? [] : ([['CNI_NETNS', netns]] as const)),
  ] as [string, string][]);
  const hasNetns = netns !== undefined;
  return { environment, stdin: Buffer.from(STDIN), hasNetns, isRepeated: false };
}
