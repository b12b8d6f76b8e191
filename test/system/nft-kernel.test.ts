// The rendered table and the kernel adapter together, in a real namespace: what was loaded is read
// back as the same table, every variant replaces every other, and the nodes' addresses in the sets
// survive each of these steps. Needs root.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import type { NftInput } from '../../src/desired/nft-table.ts';
import { NODE_SETS, renderNftTable } from '../../src/desired/nft-table.ts';
import type { ReadScope } from '../../src/kernel/kernel.ts';
import { openKernel } from '../../src/kernel/linux.ts';
import { NetnsRegistry } from '../../src/kernel/netns.ts';
import { silentLog } from '../../src/lib/log.ts';
import { OWN_PROTOCOL, ownsLink, PROBE_TABLE } from '../../src/state/own.ts';
import { cidr, configFrom, DUAL_STACK } from '../fake/config-from.ts';
import { TestNamespace } from './namespaces.ts';

const SCOPE: ReadScope = {
  sysctls: [],
  routeProtocol: OWN_PROTOCOL,
  rulePriority: PROBE_TABLE,
  nft: true,
  ownsLink,
};

const OWN = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map((text) => cidr(text));
const ELEMENTS = [
  { set: NODE_SETS.ipv4, element: '192.0.2.2' },
  { set: NODE_SETS.ipv6, element: '2001:db8::2' },
];

const VARIANTS: readonly NftInput[] = [
  { config: configFrom(DUAL_STACK), ownSubnets: [] },
  { config: configFrom(DUAL_STACK), ownSubnets: OWN },
  { config: configFrom({ ...DUAL_STACK, Masquerade: false }), ownSubnets: OWN },
  { config: configFrom({ ...DUAL_STACK, MasqueradeExclude: ['10.0.0.0/8'] }), ownSubnets: OWN },
  { config: configFrom({ ...DUAL_STACK, EnableIPv6: false }), ownSubnets: OWN.slice(0, 1) },
];

const DELETIONS = 40;

test('every variant of the table replaces every other, and the sets keep their elements', async () => {
  using namespace = new TestNamespace('nft-text');
  const kernel = openKernel({
    netns: namespace.fd,
    procSysRoot: '/proc/sys/net',
    netnsRegistry: new NetnsRegistry(),
    log: silentLog,
  });
  try {
    const load = async (input: NftInput): Promise<void> => {
      const value = renderNftTable(input);
      assert.deepEqual(await kernel.apply([{ verb: 'change', object: 'nft-table', value }]), []);
      assert.equal(kernel.read(SCOPE).nftTable?.hash, value.hash);
    };
    for (const input of VARIANTS.slice(0, 1)) await load(input);
    await kernel.apply(ELEMENTS.map((value) => ({ verb: 'add', object: 'nft-element', value })));
    for (const from of VARIANTS) {
      for (const to of VARIANTS) {
        await load(from);
        await load(to);
        const { nftSets } = kernel.read(SCOPE);
        for (const { set, element } of ELEMENTS)
          assert.deepEqual([...(nftSets.get(set) ?? [])], [element]);
      }
    }
  } finally {
    kernel.close();
  }
});

test('a table that comes and goes the whole time is read as there or as absent', async () => {
  using namespace = new TestNamespace('nft-torn');
  const kernel = openKernel({
    netns: namespace.fd,
    procSysRoot: '/proc/sys/net',
    netnsRegistry: new NetnsRegistry(),
    log: silentLog,
  });
  const value = renderNftTable(VARIANTS[1] ?? assert.fail());
  const load = `nft -f - <<'END'\n${value.text}END\n`;
  const script = `while :; do ${load}nft delete table inet poplin; done`;
  const argv = ['netns', 'exec', namespace.name, 'sh', '-c', script];
  const somebody = spawn('ip', argv, { stdio: 'ignore' });
  try {
    let isThere = false;
    for (let deletions = 0; deletions < DELETIONS; ) {
      const found = kernel.read(SCOPE).nftTable;
      if (isThere && found === undefined) deletions += 1;
      isThere = found !== undefined;
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    somebody.kill('SIGKILL');
    await once(somebody, 'close');
    kernel.close();
  }
});
