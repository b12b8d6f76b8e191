// What every Source must do that claims subnets (`Source.hold`), whatever the datastore: run by a
// test of each implementation, which supplies a `LeaseWorld`: the datastore, as seen by an operator
// and by several machines. The scenarios are in source-leases-scenarios.ts; how one machine is
// started and followed is in source-leases-machine.ts.

import { describe, test } from 'node:test';
import type { Source } from '../../src/source/source.ts';
import { LeaseScene } from './source-leases-machine.ts';
import { LEASE_SCENARIOS } from './source-leases-scenarios.ts';

export type Claim = { readonly nodeName: string; readonly subnet: string };

export type LeaseWorld = {
  /**
   * A source for a machine of this node; it does not run yet. Called again for the same name: the
   * machine was restarted, or it is another one (the wish says which).
   */
  open(nodeName: string): Promise<Source>;
  /** A machine joins under this name; nothing where the datastore has no Node objects. */
  register(nodeName: string): Promise<void>;
  /** The operator's word that the node's machine is gone: what it has claimed is free. */
  remove(nodeName: string): Promise<void>;
  /** No node is ever to get this network, which may be larger than a subnet. */
  reserve(network: string): Promise<void>;
  unreserve(network: string): Promise<void>;
  /** Takes away what the node has claimed; its machine goes on. */
  revoke(nodeName: string): Promise<void>;
  /** A claim by a node on which no source of this world runs. */
  occupy(subnet: string, nodeName: string): Promise<void>;
  /** All claims of nodes, one per subnet. */
  claims(): Promise<readonly Claim[]>;
  /** Away for everybody, while `meanwhile` changes it, and back. */
  outage(meanwhile: () => Promise<void>): Promise<void>;
  /** Lets some time pass; a simulated world moves its clock. */
  pass(delayMs: number): Promise<void>;
  dispose(): Promise<void>;
};

export function leaseConformance(name: string, createWorld: () => Promise<LeaseWorld>): void {
  describe(`source conformance, leases: ${name}`, () => {
    for (const [sentence, scenario] of Object.entries(LEASE_SCENARIOS)) {
      test(sentence, async () => {
        const scene = new LeaseScene(await createWorld());
        try {
          await scenario(scene);
        } finally {
          await scene.end();
        }
      });
    }
  });
}
