// A firewall of somebody else that drops forwarded packets: named in `status` and by an Event with
// what would help, and opened by `ForwardRules: insert`, the only case in which a foreign chain is
// touched.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

/** What Docker leaves on a machine: the chain that iptables shows as FORWARD, with policy drop. */
const DOCKER = `table ip filter {
  chain FORWARD {
    type filter hook forward priority filter; policy drop;
    iifname "docker0" accept
  }
}
`;

function load(lab: TestLab, node: string, text: string): void {
  execFileSync('ip', ['netns', 'exec', lab.netns(node), 'nft', '-f', '-'], { input: text });
}

test('a foreign drop is named, and insert opens it and leaves again', async () => {
  await withLab({}, async (lab) => {
    await lab.mustReach();
    load(lab, 'node1', DOCKER);
    const named = /table ip filter, chain FORWARD: policy drop stops packets/;
    const { foreignDrops } = await lab.untilStatus('node1', 'the drop is named', (status) =>
      status.foreignDrops.some((text) => named.test(text)),
    );
    assert.match(foreignDrops.join(), /set ForwardRules to "insert"/);
    await until('an Event says so', async () =>
      (await lab.api.events()).some(
        ({ reason, message }) => reason === 'ForeignDrop' && named.test(message ?? ''),
      ),
    );
    const broken = (await lab.check(500)).pairs.filter(({ ok }) => !ok);
    assert.ok(broken.length > 0, 'the drop really drops');

    await lab.edit({ ForwardRules: 'insert' });
    await lab.untilStatus('node1', 'no drop is left', (status) => status.foreignDrops.length === 0);
    await lab.mustReach();
    const chain = lab.run('node1', 'nft list chain ip filter FORWARD');
    assert.equal(chain.match(/comment "poplin forward"/g)?.length, 2);
    assert.match(chain, /iifname "docker0" accept/);

    await lab.edit({ ForwardRules: 'own' });
    await until('the chain is as it was', () => {
      return !lab.run('node1', 'nft list chain ip filter FORWARD').includes('poplin');
    });
  });
});
