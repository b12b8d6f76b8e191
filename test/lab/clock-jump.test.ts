// The wall clock of all agents jumps by a day, forward and back, by a preloaded library: rights to
// subnets are renewed and kept, over restarts as well, and it is said what happened.

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Status } from '../../src/agent/status.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { withOperator } from './lab-etcd.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';
import { logOf } from './words.ts';

const UNTIL_MS = 120_000;
const LEASE_SECONDS = 24;
const MARGIN_SECONDS = 4;
/** Renewals come four times in the time that a right lasts. */
const RENEWED_LEFT_SECONDS = LEASE_SECONDS - 2;

class FakeTime {
  readonly #directory = mkdtempSync(join(tmpdir(), 'poplin-clock-'));
  readonly #file = join(this.#directory, 'offset');
  readonly environment: Readonly<Record<string, string>>;

  constructor() {
    const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
    assert.ok(library !== undefined, "Debian's package faketime is not there");
    this.set('+0');
    this.environment = {
      ...{ LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: this.#file },
      // Read again each time, and nothing but the wall clock: neither timers nor files.
      ...{ FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1', NO_FAKE_STAT: '1' },
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  set(offset: string): void {
    writeFileSync(`${this.#file}.new`, offset);
    renameSync(`${this.#file}.new`, this.#file);
  }

  dispose(): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/** etcd counts on: of every lease almost all is left again. */
const untilRenewed = (lab: TestLab): Promise<unknown> =>
  withOperator(lab, async (operator) => {
    const ttlOf = async (node: string): Promise<number> => {
      const ID = (await operator.leaseOf(node)) ?? assert.fail(`${node} has no lease`);
      const { TTL } = await operator.etcd.leaseClient.leaseTimeToLive({ ID });
      return Number(TTL);
    };
    for (const { name } of lab.plan.nodes) {
      await until(`the lease of ${name} is used up a little`, async () => {
        return (await ttlOf(name)) < RENEWED_LEFT_SECONDS;
      });
      await until(
        `the lease of ${name} is renewed`,
        async () => (await ttlOf(name)) >= RENEWED_LEFT_SECONDS,
      );
    }
  });

const KINDS = {
  etcd: {
    options: { datastore: 'etcd' },
    environment: {
      POPLIN_ETCD_LEASE_SECONDS: String(LEASE_SECONDS),
      POPLIN_ETCD_LEASE_RENEW_MARGIN_SECONDS: String(MARGIN_SECONDS),
    },
    untilRenewed,
  },
  Leases: {
    options: { subnetSource: 'lease' },
    environment: {},
    untilRenewed: async () => undefined,
  },
} as const;

const JUMPS = [
  ['+1d', /set forward by 86[34]\d\d s/],
  ['-1d', /set back by 172[78]\d\d s/],
] as const;

describe('a clock that jumps by a day takes nothing', () => {
  for (const [where, kind] of Object.entries(KINDS)) {
    test(`on ${where}`, async () => {
      const time = new FakeTime();
      const environment = { ...time.environment, ...kind.environment };
      try {
        await withLab({ ...kind.options, nodeCount: 2, environment }, async (lab) => {
          const names = lab.plan.nodes.map(({ name }) => name);
          const held = await Promise.all(names.map((name) => lab.status(name)));
          const reports = await whilePinging(lab, async () => {
            for (const [index, [offset, says]] of JUMPS.entries()) {
              time.set(offset);
              // Also the next that they do anyway, within 30 s.
              await lab.edit({ Backend: { Type: index === 0 ? 'host-gw' : 'vxlan' } });
              for (const name of names) {
                const isNamed = ({ clockJumps }: Status): boolean => says.test(clockJumps.join());
                await lab.untilStatus(name, 'names the jump', isNamed);
                assert.match(logOf(lab, name), says);
              }
              await kind.untilRenewed(lab);
              await lab.attach('node1', index + 2);
              await lab.endAgent('node2', 'SIGKILL');
              lab.startAgent('node2');
              await lab.settled(({ cluster }) => cluster === 'synced', UNTIL_MS);
              await lab.mustReach();
            }
          });
          assertNothingLost(reports);
          for (const [index, name] of names.entries()) {
            assert.deepEqual((await lab.status(name)).lease.subnets, held[index]?.lease.subnets);
            assert.doesNotMatch(logOf(lab, name), /subnets are not held any more|claim.* is gone/);
          }
        });
      } finally {
        time.dispose();
      }
    });
  }
});
