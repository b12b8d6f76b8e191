// The Kubernetes source as the simulation runs it, by the suites that every source must pass: what
// the simulation finds out holds for the product only if its API, its connections and its clock do
// what the real ones do. Its time goes on by itself here, faster than the real one.

import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { REFLECTOR_TIMING } from '../../src/source/kubernetes/reflector.ts';
import { KubernetesSource } from '../../src/source/kubernetes/source.ts';
import type { SourceWorld } from '../conformance/source.ts';
import { sourceConformance } from '../conformance/source.ts';
import type { LeaseWorld } from '../conformance/source-leases.ts';
import { leaseConformance } from '../conformance/source-leases.ts';
import { counted } from '../fake/counted-api.ts';
import { createConfig, leaseOperator, nodeOperator } from '../fake/kubernetes-operator.ts';
import { SimApiClient } from './api-client.ts';
import { SimApiServer } from './api-server.ts';
import { ProcessClock, SimTime } from './clock.ts';
import { NO_MUTATIONS } from './mutations.ts';
import { Random } from './random.ts';
import { Trace } from './trace.ts';
import { fairWeather } from './weather.ts';

const SEED = 1;
const REAL_STEP_MS = 1;
const SIMULATED_STEP_MS = 10;

class SimScene {
  readonly #time = new SimTime();
  readonly #weather = fairWeather();
  readonly #clients: SimApiClient[] = [];
  readonly #stop = new AbortController();
  readonly #passing: Promise<void>;
  readonly server = new SimApiServer({
    time: this.#time,
    random: new Random(SEED),
    podCidrRanges: [],
  });

  constructor() {
    this.#passing = this.#pass();
  }

  open(nodeName: string, pageSize?: number) {
    const clock = new ProcessClock(this.#time);
    const random = new Random(`${SEED} ${nodeName}`);
    const client = new SimApiClient({
      ...{ server: this.server, weather: this.#weather, clock, random, who: nodeName },
      trace: new Trace(() => this.#time.nowMs),
      mutations: NO_MUTATIONS,
      onSilenceEnd: () => undefined,
    });
    this.#clients.push(client);
    const { api, writes } = counted(client);
    const source = new KubernetesSource({
      client: api,
      clock,
      log: silentLog,
      random: () => random.next(),
      nodeName,
      ...(pageSize === undefined ? {} : { pageSize }),
      timing: { ...REFLECTOR_TIMING, backoff: { baseMs: 10, capMs: 50 } },
    });
    return { source, writes };
  }

  cut(): void {
    for (const client of this.#clients) client.cutAll();
  }

  async outage(meanwhile: () => Promise<void>): Promise<void> {
    this.#weather.reach = 'refused';
    for (const client of this.#clients) client.weatherChanged();
    await meanwhile();
    this.#weather.reach = 'open';
  }

  /** Until so much of the simulated time has passed. */
  async pass(delayMs: number): Promise<void> {
    const endMs = this.#time.nowMs + delayMs;
    while (this.#time.nowMs < endMs) await systemClock.sleep(REAL_STEP_MS);
  }

  async dispose(): Promise<void> {
    this.#stop.abort();
    await this.#passing;
  }

  async #pass(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const endMs = this.#time.nowMs + SIMULATED_STEP_MS;
      while (await this.#time.step(endMs));
      await systemClock.sleep(REAL_STEP_MS);
    }
  }
}

async function createSourceWorld(): Promise<SourceWorld> {
  const scene = new SimScene();
  const { store } = scene.server;
  return {
    ...scene.open('self', 2),
    ownName: 'self',
    ...nodeOperator(store),
    cut: async () => scene.cut(),
    outage: (meanwhile) => scene.outage(meanwhile),
    forgetHistory: (meanwhile) =>
      scene.outage(async () => {
        await meanwhile();
        store.compact();
      }),
    dispose: () => scene.dispose(),
  };
}

async function createLeaseWorld(): Promise<LeaseWorld> {
  const scene = new SimScene();
  const { store } = scene.server;
  createConfig(store, '{}');
  return {
    open: async (nodeName) => scene.open(nodeName).source,
    ...leaseOperator(store),
    outage: (meanwhile) => scene.outage(meanwhile),
    pass: (delayMs) => scene.pass(delayMs),
    dispose: () => scene.dispose(),
  };
}

sourceConformance('simulation', createSourceWorld);
leaseConformance('simulation', createLeaseWorld);
