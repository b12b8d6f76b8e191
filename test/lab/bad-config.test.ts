// A bad edit of the ConfigMap: every node says what is wrong with it, nothing in any kernel
// changes, and traffic goes on, also over a restart of the agent. The next good edit is taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { kernelTexts } from './kernel-text.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';
import { assertNothingLost, whilePinging } from './pinger.ts';

type BadEdit = {
  readonly name: string;
  readonly text: (good: NetConf) => string;
  /** What the status of every node must say. */
  readonly says: RegExp;
};

const with_ = (change: NetConf) => (good: NetConf) => JSON.stringify({ ...good, ...change });

const BAD_EDITS: readonly BadEdit[] = [
  {
    name: 'text that is no JSON',
    text: () => '{"Network": "10.244.0.0/16",\n "Backend": }',
    says: /is not JSON: line 2, column 13/,
  },
  { name: 'nothing at all', text: () => '', says: /is empty/ },
  { name: 'a wrong type', text: with_({ Network: 5 }), says: /Network.*must be an IPv4 network/ },
  {
    name: 'a number in quotes',
    text: with_({ Backend: { Type: 'vxlan', VNI: '7' } }),
    says: /Backend\.VNI.*without quotes/,
  },
  {
    name: 'an unknown key',
    text: with_({ Netwrok: '10.244.0.0/16' }),
    says: /Netwrok.*"Network"/,
  },
  {
    name: 'an unknown backend',
    text: with_({ Backend: { Type: 'vxlna' } }),
    says: /Backend\.Type.*did you mean "vxlan"/,
  },
  { name: 'a network too small', text: with_({ Network: '10.244.0.0/30' }), says: /Network/ },
  {
    name: 'a SubnetMin outside of the network',
    text: with_({ SubnetMin: '10.99.0.0' }),
    says: /SubnetMin.*10\.99\.0\.0/,
  },
  {
    name: 'IPv6 without a network',
    text: with_({ EnableIPv6: true }),
    says: /IPv6Network/,
  },
  {
    name: 'a network that does not hold the subnets in use',
    text: with_({ Network: '10.99.0.0/16' }),
    says: /Network.*does not hold 10\.244\.\d+\.0\/24/,
  },
  {
    name: 'a network that holds the addresses of the nodes',
    text: with_({ Network: '192.168.0.0/16' }),
    says: /Network.*holds 192\.168\.100\.\d+, an address of the node itself/,
  },
];

const problemsOf = async (lab: TestLab, node: string): Promise<string> => {
  const { config } = await lab.status(node);
  return config.problems.map(({ key, value, message }) => `${key} ${value} ${message}`).join('; ');
};

/** Every node says so in its status and by an Event. */
async function assertSaid(lab: TestLab, says: RegExp): Promise<void> {
  for (const { name } of lab.plan.nodes) {
    await until(`${name} says ${says}`, async () => says.test(await problemsOf(lab, name)));
  }
  for (const { name } of lab.plan.nodes) {
    await until(`an Event of ${name} says ${says}`, async () =>
      (await lab.api.events()).some(
        ({ involvedObject, reason, type, message = '' }) =>
          involvedObject.name === name &&
          reason === 'ConfigInvalid' &&
          type === 'Warning' &&
          says.test(message),
      ),
    );
  }
}

const metric = (lab: TestLab, node: string): string => {
  const script = `fetch('http://127.0.0.1:9113/metrics').then(r=>r.text()).then(console.log)`;
  return lab.runArgv(node, [process.execPath, '-e', script]);
};

test('a bad edit of the ConfigMap is explained and changes nothing', async (t) => {
  await withLab({}, async (lab) => {
    const text = await lab.api.netConfText();
    const good = JSON.parse(text) as NetConf;
    const before = kernelTexts(lab);
    const reports = await whilePinging(lab, async () => {
      for (const edit of BAD_EDITS) {
        await t.test(edit.name, async () => {
          await lab.api.putNetConf(edit.text(good));
          await assertSaid(lab, edit.says);
          assert.deepEqual(kernelTexts(lab), before);
        });
      }
      assert.match(metric(lab, 'node1'), /^poplin_config_invalid 1$/m);
      await t.test('an agent that restarts meanwhile goes on as before', async () => {
        await lab.endAgent('node2', 'SIGTERM');
        lab.startAgent('node2');
        await lab.untilStatus('node2', 'is ready', ({ ready }) => ready);
        await assertSaid(lab, BAD_EDITS.at(-1)?.says ?? assert.fail());
        assert.deepEqual(kernelTexts(lab), before);
        await lab.attach('node2', 2);
      });
      await t.test('the good text again ends it', async () => {
        await lab.api.putNetConf(text);
        for (const { name } of lab.plan.nodes) {
          await lab.untilStatus(name, 'no problem', ({ config }) => config.problems.length === 0);
        }
        await lab.mustReach();
      });
    });
    assertNothingLost(reports);
  });
});
