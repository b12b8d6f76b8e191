// The words of `poplin lab`: what they become, and that wrong ones are refused by name.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseArgs } from 'node:util';
import {
  LAB_OPTIONS,
  parseDelay,
  parseLabName,
  parseLabSpec,
  parseSettings,
} from '../../../src/cli/lab-options.ts';

const specOf = (line: string) => {
  const args = line === '' ? [] : line.split(' ');
  return parseLabSpec(parseArgs({ args, options: LAB_OPTIONS }).values);
};

describe('the options of lab up', () => {
  test('have defaults that make a lab', () => {
    assert.deepEqual(specOf(''), {
      ...{ name: 'lab', nodeCount: 3, podsPerNode: 2, backend: 'vxlan' },
      ...{ underlay: 'flat', segmentCount: 1, families: ['ipv4'], mtuBytes: 1500 },
      podNetworks: ['10.244.0.0/16'],
    });
  });

  test('reach the specification', () => {
    const line =
      '--name a --nodes 5 --pods 0 --backend host-gw --underlay routed --segments 3 --family dual --mtu 9000' +
      ' --subnet-source lease';
    assert.deepEqual(specOf(line), {
      ...{ name: 'a', nodeCount: 5, podsPerNode: 0, backend: 'host-gw' },
      ...{ underlay: 'routed', segmentCount: 3, families: ['ipv4', 'ipv6'], mtuBytes: 9000 },
      podNetworks: ['10.244.0.0/16', 'fd00:244::/48'],
      subnetSource: 'lease',
    });
  });

  test('of family ipv6 have no IPv4 network', () => {
    assert.deepEqual(specOf('--family ipv6').podNetworks, ['fd00:244::/48']);
  });

  test('give a flat underlay one segment, whatever is asked for', () => {
    assert.equal(specOf('--segments 4').segmentCount, 1);
  });

  for (const [line, message] of [
    ['--subnet-source etcd', /--subnet-source "etcd" is not one of auto, podCIDR, lease/],
    ['--nodes 0', /--nodes "0" is not a number from 1 to/],
    ['--nodes 1e2', /--nodes "1e2" is not a number/],
    ['--nodes=-1', /--nodes "-1" is not a number/],
    ['--pods 1000', /--pods "1000" is not a number from 0 to/],
    ['--backend ipip', /--backend "ipip" is not one of vxlan, host-gw/],
    ['--underlay ring', /--underlay "ring" is not one of flat, routed/],
    ['--underlay routed --segments 1', /--segments "1" is not a number from 2 to/],
    ['--family both', /--family "both" is not one of ipv4, ipv6, dual/],
    ['--mtu 100', /--mtu "100" is not a number from/],
    ['--name ../x', /--name "..\/x" is not lower-case letters/],
  ] as const) {
    test(`${line} is refused`, () => {
      assert.throws(() => specOf(line), { code: 'USAGE', message });
    });
  }
});

test('a name that would lead out of the labs directory is refused', () => {
  assert.throws(() => parseLabName('..'), { code: 'USAGE' });
  assert.throws(() => parseLabName(''), { code: 'USAGE' });
});

describe('the settings of lab switch', () => {
  test('are JSON where they can be, else text; of a key given twice the last counts', () => {
    const settings = ['VNI=1', 'DirectRouting=true', 'Name=a=b', 'Text="3"', 'Empty=', 'VNI=2'];
    assert.deepEqual(Object.fromEntries(parseSettings(settings)), {
      ...{ VNI: 2, DirectRouting: true, Name: 'a=b' },
      ...{ Text: '3', Empty: '' },
    });
  });

  for (const wrong of ['VNI', '=2', '']) {
    test(`"${wrong}" is refused`, () => {
      assert.throws(() => parseSettings([wrong]), { code: 'USAGE' });
    });
  }

  test('have a delay in milliseconds', () => {
    assert.equal(parseDelay('5000'), 5_000);
    for (const wrong of ['-1', '5s', '1e3', '', '60001']) {
      assert.throws(() => parseDelay(wrong), { code: 'USAGE', message: /--delay-ms/ });
    }
  });
});
