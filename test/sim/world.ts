// The world of one seed: machines, the API, the network between them, and their operators' means:
// switching machines on and off, deleting Nodes, editing the configuration. What goes wrong and
// when is not decided here (actions.ts), nor what must hold (checks.ts).

import { NODES } from '../../src/lab/api/kinds.ts';
import { createObject, deleteObject, patchObject } from '../../src/lab/api/operations.ts';
import { mergePatch } from '../../src/lab/api/patch.ts';
import { assert } from '../../src/lib/assert.ts';
import { networkOf } from '../../src/net/cidr.ts';
import { familyOf } from '../../src/net/ip.ts';
import type { Op } from '../../src/state/op.ts';
import { printOp } from '../../src/state/print.ts';
import { AdvertChecks } from './advert-checks.ts';
import { AgentProcess } from './agent-process.ts';
import { SimApiServer } from './api-server.ts';
import type { SimBirds } from './birds.ts';
import { birdsOf } from './birds.ts';
import { Checks } from './checks.ts';
import { SimTime } from './clock.ts';
import { SimConfigMap } from './config-map.ts';
import {
  excuseOf,
  excuseOfSize,
  excuseOfSubnet,
  internalIps,
  isRegistered,
  isUndisturbed,
} from './excuses.ts';
import { Fabric } from './fabric.ts';
import type { MachineAddress } from './machine.ts';
import { havePodsOf, SimMachine, underlayAddresses } from './machine.ts';
import type { Mutations } from './mutations.ts';
import { PathChecks } from './path-checks.ts';
import type { SimPlan } from './plan.ts';
import { podCidrRanges, podsWanted } from './plan.ts';
import type { Random } from './random.ts';
import { SimRuntime } from './runtime.ts';
import { Trace } from './trace.ts';

export type WorldOptions = {
  readonly plan: SimPlan;
  readonly random: Random;
  readonly mutations: Mutations;
  /** For what machines have on their disks. */
  readonly directory: string;
  readonly echo?: (line: string) => void;
  /** Whoever watches that the simulation goes on is told of each event. */
  readonly onEvent?: () => void;
};

/** Of addresses that machines come to have later. */
const FIRST_MOVED_HOST = 120;
const MOVED_HOSTS = 120;
const KUBELET_INTERVAL_MS = 2_000;
const SET_RIGHT_MS = 60_000;

const addressOf = ({ address }: MachineAddress): string => address;

export class World {
  readonly plan: SimPlan;
  readonly random: Random;
  readonly time = new SimTime();
  readonly trace: Trace;
  readonly server: SimApiServer;
  readonly fabric: Fabric;
  readonly checks: Checks;
  readonly pathChecks: PathChecks;
  readonly #advertChecks: AdvertChecks;
  readonly machines = new Map<string, SimMachine>();
  readonly #options: WorldOptions;
  readonly #runtimes = new Map<SimMachine, SimRuntime>();
  /** Names of Nodes that their operator is about to delete: kubelets do not make them again. */
  readonly #condemned = new Set<string>();
  readonly #plans: (() => void)[] = [];
  #machineCount = 0;
  #processCount = 0;
  #moveCount = 0;
  readonly config: SimConfigMap;
  /** Absent where no machine has one. */
  readonly birds: SimBirds | undefined;
  violation: string | undefined;
  events = 0;

  constructor(options: WorldOptions) {
    const { plan, random, mutations, echo } = options;
    this.#options = options;
    this.plan = plan;
    this.random = random.split('world');
    this.trace = new Trace(() => this.time.nowMs, echo);
    this.server = new SimApiServer({
      time: this.time,
      random: random.split('server'),
      podCidrRanges: podCidrRanges(plan),
    });
    this.config = new SimConfigMap(this.server.store, this.trace, plan);
    const machines = () => this.machines.values();
    this.fabric = new Fabric(machines, mutations);
    this.checks = new Checks({
      ...{ plan, machines, fabric: this.fabric, random: random.split('checks') },
      onViolation: (text) => this.violate(text),
    });
    this.birds = plan.hasBirds ? birdsOf(this, random.split('birds')) : undefined;
    const common = {
      machines,
      isUndisturbed: (machine: SimMachine) => isUndisturbed(this, machine),
      onViolation: (text: string) => this.violate(text),
    };
    this.pathChecks = new PathChecks({
      ...{ ...common, fabric: this.fabric },
      excuse: (from, to, subnet) => excuseOf(this, from, to) ?? excuseOfSubnet(this, from, subnet),
      excuseOfSize: (from, to) => excuseOfSize(this, from, to),
      subnetOf: (address) => networkOf(address, plan.subnetLengthBits[familyOf(address)]),
      isUsed: (...way) => !this.config.hasChangedFamilies || havePodsOf(...way),
    });
    this.#advertChecks = new AdvertChecks({
      ...{ ...common, store: this.server.store },
      isMisled: ({ misledUntilMs }) => misledUntilMs > this.time.nowMs,
    });
  }

  violate(text: string): void {
    if (this.violation !== undefined) return;
    this.violation = text;
    this.trace.add('VIOLATION', text);
  }

  /** Until `endMs`, or until something is wrong. */
  async runUntil(endMs: number): Promise<void> {
    while (this.violation === undefined && (await this.time.step(endMs))) {
      this.events += 1;
      this.#options.onEvent?.();
      this.checks.afterEvent();
      if (this.time.isStuck) this.violate('an endless loop: virtual time does not go on');
    }
  }

  /** What operators and the weather mean to do; not any more once all is repaired. */
  later(delayMs: number, action: () => void): void {
    this.#plans.push(this.time.after(delayMs, action));
  }

  cancelPlans(): void {
    for (const cancel of this.#plans.splice(0)) cancel();
  }

  addMachine(nodeName?: string): SimMachine {
    this.#machineCount += 1;
    const number = this.#machineCount;
    const segment = this.random.int(0, this.plan.segmentCount - 1);
    const machine = new SimMachine({
      id: `m${number}`,
      nodeName: nodeName ?? `node-${number}`,
      segment,
      addresses: underlayAddresses(this.plan.families, segment, 9 + number),
      directory: this.#options.directory,
    });
    machine.bootedAtMs = this.time.nowMs;
    this.machines.set(machine.id, machine);
    this.birds?.boot(machine);
    const { trace, time } = this;
    this.#runtimes.set(machine, new SimRuntime({ machine, time, trace }));
    this.trace.add(machine.id, `machine of ${machine.nodeName} comes`);
    this.#kubelet(machine);
    return machine;
  }

  moveAddress(machine: SimMachine): void {
    this.#moveCount += 1;
    const host = FIRST_MOVED_HOST + (this.#moveCount % MOVED_HOSTS);
    const addresses = underlayAddresses(this.plan.families, machine.segment, host);
    this.trace.add(machine.id, `has another address: ${addresses.map(addressOf).join(', ')}`);
    machine.disturbedAtMs = this.time.nowMs;
    machine.moveTo(addresses);
    this.setRight(machine);
    this.checks.changed(machine);
  }

  startAgent(machine: SimMachine): void {
    if (!machine.isOn || machine.process !== undefined) return;
    this.#processCount += 1;
    this.trace.add(machine.id, 'agent starts');
    machine.disturbedAtMs = this.time.nowMs;
    const { server, time, trace } = this;
    machine.process = new AgentProcess({
      fabric: this.fabric,
      bgp: this.birds?.speakerFor(machine),
      ...{ machine, server, time, trace, mutations: this.#options.mutations },
      random: this.#options.random.split(`process ${this.#processCount}`),
      beforeOp: (changed, op) => this.#beforeOp(changed, op),
      beforePodOp: (changed) => this.pathChecks.beforePod(changed),
      onOp: (changed, op) => this.#onOp(changed, op),
      onViolation: (text) => this.violate(text),
    });
  }

  /** The kernel and all pods are gone; the disk stays. */
  switchOff(machine: SimMachine): void {
    this.trace.add(machine.id, 'power off');
    machine.process?.kill();
    this.#runtimes.get(machine)?.forgetPods();
    machine.power = 'off';
    machine.pods.clear();
    this.checks.forget(machine);
  }

  switchOn(machine: SimMachine): void {
    assert(!machine.isOn, `${machine.id} is on already`);
    this.trace.add(machine.id, 'power on');
    machine.boot(this.time.nowMs);
    this.birds?.boot(machine);
  }

  /** Taken away for ever. */
  scrap(machine: SimMachine): void {
    if (machine.isOn) this.switchOff(machine);
    this.trace.add(machine.id, 'scrapped');
    this.machines.delete(machine.id);
    this.#runtimes.delete(machine);
  }

  runtimeOf(machine: SimMachine): SimRuntime | undefined {
    return this.#runtimes.get(machine);
  }

  /** The operator's word that the machine is gone; only for one that is off. */
  deleteNode(name: string): void {
    if (this.server.store.get(NODES, name) === undefined) return;
    this.trace.add('operator', `deletes Node ${name}`);
    deleteObject(this.server.store, { kind: NODES, name });
  }

  condemn(name: string, isCondemned: boolean): void {
    if (isCondemned) this.#condemned.add(name);
    else this.#condemned.delete(name);
  }

  nodeExists(machine: SimMachine): boolean {
    return this.server.store.get(NODES, machine.nodeName) !== undefined;
  }

  patchNode(name: string, patch: unknown): void {
    patchObject(this.server.store, { kind: NODES, name }, (node) => mergePatch(node, patch));
  }

  /** A family that comes and goes is nobody's but the pods' that have it. */
  #beforeOp(machine: SimMachine, op: Op): void {
    if (!this.plan.looksAtPaths) return;
    this.pathChecks.before(machine, op);
    this.#advertChecks.before(machine, op);
  }

  #onOp(machine: SimMachine, op: Op): void {
    this.trace.add(machine.id, () => `kernel: ${printOp(op)}`);
    this.pathChecks.after(machine, op);
    this.#advertChecks.after(machine, op);
    this.checks.changed(machine);
  }

  /** It takes some time until everybody knows better. */
  setRight(machine: SimMachine): void {
    machine.misledUntilMs = this.time.nowMs + SET_RIGHT_MS;
  }

  /** Registers the Node, starts the agent's container again, and keeps the pods running. */
  #kubelet(machine: SimMachine): void {
    if (this.machines.get(machine.id) !== machine) return;
    if (machine.isOn) {
      if (machine.weather.reach === 'open') this.#register(machine);
      this.startAgent(machine);
      if (machine.mustReachApi && this.#hasAsked(machine)) machine.mustReachApi = false;
      this.#runtimes.get(machine)?.tick(podsWanted(this.plan, this.time.nowMs));
    }
    const delayMs = KUBELET_INTERVAL_MS * (0.5 + this.random.next());
    this.time.after(delayMs, () => this.#kubelet(machine));
  }

  /** It knows how things are now, and so does its disk. */
  #hasAsked({ process, remembersThisBoot }: SimMachine): boolean {
    return process?.knowsCluster === true && remembersThisBoot;
  }

  #register(machine: SimMachine): void {
    const { nodeName } = machine;
    if (this.#condemned.has(nodeName)) return;
    const { store } = this.server;
    const status = { addresses: internalIps(machine) };
    if (store.get(NODES, nodeName) === undefined) {
      this.trace.add(machine.id, `registers Node ${nodeName}`);
      createObject(store, { kind: NODES }, { metadata: { name: nodeName }, status });
      machine.registeredAtMs = this.time.nowMs;
    }
    if (isRegistered(this, machine)) return;
    patchObject(store, { kind: NODES, name: nodeName, subresource: 'status' }, (node) =>
      mergePatch(node, { status }),
    );
  }
}
