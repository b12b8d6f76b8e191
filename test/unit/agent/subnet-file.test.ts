// subnet.env: Flannel's keys and meaning, for whoever reads them.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderSubnetFile, writeSubnetFile } from '../../../src/agent/subnet-file.ts';
import type { Cidr } from '../../../src/net/cidr.ts';
import { configOf } from '../../fake/cluster.ts';

test('the file has the keys of both families', () => {
  const config = configOf({
    Network: '10.244.0.0/16',
    EnableIPv6: true,
    IPv6Network: 'fd00::/48',
    Masquerade: false,
  });
  const subnets = ['10.244.1.0/24' as Cidr, 'fd00:0:0:1::/64' as Cidr];
  assert.equal(
    renderSubnetFile(config, subnets, 1430),
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
      'FLANNEL_IPV6_NETWORK=fd00::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:1::1/64\n' +
      'FLANNEL_MTU=1430\nFLANNEL_IPMASQ=false\n',
  );
});

test('an unchanged file is not written again', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-subnet-'));
  const path = join(directory, 'subnet.env');
  writeSubnetFile(path, 'A=1\n');
  const { ino } = statSync(path);
  writeSubnetFile(path, 'A=1\n');
  assert.equal(statSync(path).ino, ino);
  writeSubnetFile(path, 'A=2\n');
  assert.equal(readFileSync(path, 'utf8'), 'A=2\n');
  rmSync(directory, { recursive: true });
});
