// The ConfigMap as its operator edits it: what it says now, also while it says something that
// nobody can use.

import { CONFIG_MAPS } from '../../src/lab/api/kinds.ts';
import { createObject, patchObject } from '../../src/lab/api/operations.ts';
import { mergePatch } from '../../src/lab/api/patch.ts';
import type { Store } from '../../src/lab/api/store.ts';
import type { Choices, SimPlan } from './plan.ts';
import { configText } from './plan.ts';
import type { Trace } from './trace.ts';

const NAMESPACE = 'poplin';
const NAME = 'poplin-config';
const KEY = 'net-conf.json';

export class SimConfigMap {
  readonly #store: Store;
  readonly #trace: Trace;
  readonly #plan: SimPlan;
  choices: Choices;
  hasChangedFamilies = false;

  constructor(store: Store, trace: Trace, plan: SimPlan) {
    this.#store = store;
    this.#trace = trace;
    this.#plan = plan;
    const backend = { Type: 'vxlan' };
    this.choices = { backend, masquerades: true, families: plan.firstFamilies };
    const data = { [KEY]: configText(plan, this.choices) };
    const body = { metadata: { name: NAME }, data };
    createObject(store, { kind: CONFIG_MAPS, namespace: NAMESPACE }, body);
  }

  configure(change: Partial<Choices> = {}): void {
    this.hasChangedFamilies ||= change.families !== undefined;
    this.choices = { ...this.choices, ...change };
    this.#write(configText(this.#plan, this.choices));
  }

  /** A text that nobody can use. */
  misconfigure(): void {
    this.#write('{"Network": "10.244.0.0/16", "SubnetLne": 24}');
  }

  #write(text: string): void {
    this.#trace.add('operator', `configures ${text}`);
    const target = { kind: CONFIG_MAPS, namespace: NAMESPACE, name: NAME };
    patchObject(this.#store, target, (object) => mergePatch(object, { data: { [KEY]: text } }));
  }
}
