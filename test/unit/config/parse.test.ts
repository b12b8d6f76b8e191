// net-conf.json as users write it: what is accepted and with which result, and how it fits a node.
// What is refused stands in refused-*.test.ts.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.ts';
import { checkAgainstNode, parseConfig } from '../../../src/config/parse.ts';
import { renderProblem } from '../../../src/config/problems.ts';
import { TOP_KEYS } from '../../../src/config/schema.ts';
import type { Ip } from '../../../src/net/ip.ts';
import { parseIp } from '../../../src/net/ip.ts';
import { NETWORK, V6_ON, withBackend } from './refusals.ts';

function configOf(text: string): Config {
  const parsed = parseConfig(text);
  assert.equal(parsed.kind, 'ok', JSON.stringify(parsed));
  return parsed.kind === 'ok' ? parsed.config : assert.fail();
}

/** What is in bgp.test.ts is left out as well. */
const withoutHash = ({ hash, bgp: _, ...rest }: Config): Omit<Config, 'hash' | 'bgp'> => {
  assert.match(hash, /^[0-9a-f]{12}$/);
  return rest;
};

const ip = (text: string): Ip => parseIp(text) ?? assert.fail(`not an address: ${text}`);

const IPV4_DEFAULT = {
  family: 'ipv4',
  network: '10.244.0.0/16',
  subnetLengthBits: 24,
  subnetMin: '10.244.1.0',
  subnetMax: '10.244.255.0',
};

const VXLAN_DEFAULT = {
  type: 'vxlan',
  vni: 1,
  portNumber: 8472,
  gbp: false,
  learning: false,
  directRouting: false,
};

describe('a configuration that is right', () => {
  test('a Network alone gets Flannel’s defaults and vxlan', () => {
    assert.deepEqual(withoutHash(configOf(`{${NETWORK}}`)), {
      families: [IPV4_DEFAULT],
      backend: VXLAN_DEFAULT,
      masquerade: true,
      masqueradeExclude: [],
      subnetSource: 'auto',
      maxSubnetsPerNode: 8,
      forwardRules: 'own',
    });
  });

  const same: readonly { name: string; text: string }[] = [
    { name: 'an empty Backend', text: withBackend('{}') },
    { name: 'a null Backend, since null is "not given" in Go', text: withBackend('null') },
    { name: 'the Type in other case', text: withBackend('{"Type": "VXLan"}') },
    { name: 'port 0', text: withBackend('{"Port": 0, "MTU": 0}') },
    { name: 'keys in other case', text: '{"network": "10.244.0.0/16", "bACKEND": {"vni": 1}}' },
    { name: 'EnableNFTables', text: `{${NETWORK}, "EnableNFTables": true}` },
    { name: 'SubnetLen 0', text: `{${NETWORK}, "SubnetLen": 0, "SubnetMin": null}` },
    { name: 'an unused IPv6Network', text: `{${NETWORK}, "IPv6Network": "::/0"}` },
    { name: 'white space', text: `\n\t{ ${NETWORK}\r\n}\n` },
  ];
  for (const { name, text } of same) {
    test(`${name} changes neither the configuration nor its hash`, () => {
      assert.deepEqual(configOf(text), configOf(`{${NETWORK}}`));
    });
  }

  test('every key is taken over', () => {
    const config = configOf(`{
      "Network": "10.0.0.0/8", "IPv6Network": "fd00:1::/48", "EnableIPv6": true,
      "SubnetLen": 20, "SubnetMin": "10.10.0.0", "SubnetMax": "10.99.0.0",
      "IPv6SubnetLen": 60, "IPv6SubnetMin": "fd00:1:0:10::", "IPv6SubnetMax": "fd00:1:0:f0::",
      "Backend": {"Type": "vxlan", "VNI": 4096, "Port": 4789, "MTU": 9000, "GBP": true,
                  "Learning": true, "DirectRouting": true},
      "Masquerade": false, "MasqueradeExclude": ["192.168.0.0/16", "fd01::/16", "192.168.0.0/16"],
      "ForwardRules": "insert", "SubnetSource": "podCIDR",
      "MaxSubnetsPerNode": 5
    }`);
    assert.deepEqual(withoutHash(config), {
      families: [
        {
          family: 'ipv4',
          network: '10.0.0.0/8',
          subnetLengthBits: 20,
          subnetMin: '10.10.0.0',
          subnetMax: '10.99.0.0',
        },
        {
          family: 'ipv6',
          network: 'fd00:1::/48',
          subnetLengthBits: 60,
          subnetMin: 'fd00:1:0:10::',
          subnetMax: 'fd00:1:0:f0::',
        },
      ],
      backend: {
        type: 'vxlan',
        vni: 4096,
        portNumber: 4789,
        mtuBytes: 9000,
        gbp: true,
        learning: true,
        directRouting: true,
      },
      masquerade: false,
      masqueradeExclude: ['192.168.0.0/16', 'fd01::/16'],
      subnetSource: 'podCIDR',
      maxSubnetsPerNode: 5,
      forwardRules: 'insert',
    });
  });

  test('host-gw has no keys beside its type', () => {
    assert.deepEqual(configOf(withBackend('{"Type": "host-gw"}')).backend, { type: 'host-gw' });
  });

  test('IPv6 alone is possible', () => {
    const config = configOf(
      '{"EnableIPv4": false, "EnableIPv6": true, "IPv6Network": "fd00:10:244::/56"}',
    );
    assert.deepEqual(config.families, [
      {
        family: 'ipv6',
        network: 'fd00:10:244::/56',
        subnetLengthBits: 64,
        subnetMin: 'fd00:10:244:1::',
        subnetMax: 'fd00:10:244:ff::',
      },
    ]);
  });

  const lengths: readonly [network: string, length: number, min: string, max: string][] = [
    ['10.0.0.0/8', 24, '10.0.1.0', '10.255.255.0'],
    ['10.244.4.0/22', 24, '10.244.5.0', '10.244.7.0'],
    ['10.244.4.0/23', 25, '10.244.4.128', '10.244.5.128'],
    ['10.244.4.0/28', 30, '10.244.4.4', '10.244.4.12'],
  ];
  for (const [network, length, min, max] of lengths) {
    test(`${network} gives each node a /${length}`, () => {
      const [family] = configOf(`{"Network": "${network}"}`).families;
      assert.deepEqual(
        [family?.subnetLengthBits, family?.subnetMin, family?.subnetMax],
        [length, min, max],
      );
    });
  }

  test('a SubnetLen of two more than the network is just enough', () => {
    const [family] = configOf(`{${NETWORK}, "SubnetLen": 18}`).families;
    assert.deepEqual([family?.subnetMin, family?.subnetMax], ['10.244.64.0', '10.244.192.0']);
  });

  test('the order of excludes means nothing', () => {
    const [one, other] = ['"10.0.0.0/8", "172.16.0.0/12"', '"172.16.0.0/12", "10.0.0.0/8"'].map(
      (list) => configOf(`{${NETWORK}, "MasqueradeExclude": [${list}]}`),
    );
    assert.deepEqual(one, other);
  });

  test('the hash differs when anything differs', () => {
    const texts = [
      `{${NETWORK}}`,
      '{"Network": "10.245.0.0/16"}',
      `{${NETWORK}, "SubnetLen": 25}`,
      `{${NETWORK}, "Masquerade": false}`,
      `{${NETWORK}, "MasqueradeExclude": ["10.0.0.0/8"]}`,
      `{${NETWORK}, "ForwardRules": "insert"}`,
      withBackend('{"Type": "host-gw"}'),
      withBackend('{"VNI": 2}'),
    ];
    assert.equal(new Set(texts.map((text) => configOf(text).hash)).size, texts.length);
  });
});

describe('a configuration on its node', () => {
  const config = configOf(`{${NETWORK}, ${V6_ON}}`);

  test('is fine when no address of the node lies in a network', () => {
    assert.deepEqual(checkAgainstNode(config, [ip('10.0.0.5'), ip('2001:db8::5')]), []);
  });

  test('is a problem for each address that does', () => {
    const addresses = [ip('10.244.7.7'), ip('10.0.0.5'), ip('fd00::5')];
    assert.deepEqual(checkAgainstNode(config, addresses).map(renderProblem), [
      'Network = "10.244.0.0/16": holds 10.244.7.7, an address of the node itself: ' +
        'the pods need a range of their own',
      'IPv6Network = "fd00::/48": holds fd00::5, an address of the node itself: ' +
        'the pods need a range of their own',
    ]);
  });
});

describe('whatever stands in the document', () => {
  const key = fc.constantFrom(...TOP_KEYS, 'vni', 'Type', 'x', '__proto__', 'constructor');
  const leaf = fc.oneof(
    fc.constantFrom('10.0.0.0/8', 'fd00::/48', '::/0', 'vxlan', 'host-gw', '', '::1', '10.0.0.0'),
    fc.jsonValue({ depthSize: 'small' }),
  );
  const document = fc.dictionary(key, fc.oneof(leaf, fc.dictionary(key, leaf)));

  test('the answer is a configuration or problems that say something, never an exception', () => {
    fc.assert(
      fc.property(document, (value) => {
        const parsed = parseConfig(JSON.stringify(value));
        if (parsed.kind === 'ok') return;
        assert.ok(parsed.problems.length > 0);
        for (const { key: name, message } of parsed.problems) {
          assert.equal(typeof name, 'string');
          assert.ok(message.length > 5, JSON.stringify(parsed.problems));
          assert.doesNotMatch(message, /Invalid input|undefined|\[object/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
