// Every way in which environment and stdin can be wrong, with the code that the specification gives
// it, and what is read from a call that is right.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseRequest, VERBS } from '../../../src/cni/request.ts';

type Call = {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly stdin?: string;
};

const ENV = {
  CNI_COMMAND: 'ADD',
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
};

const CONFIG = { cniVersion: '1.0.0', name: 'poplin', type: 'poplin' };

function parse({ env, config, stdin }: Call): ReturnType<typeof parseRequest> {
  const environment = new Map<string, string>();
  for (const [name, value] of Object.entries({ ...ENV, ...env })) {
    if (value !== undefined) environment.set(name, value);
  }
  return parseRequest({
    environment,
    stdin: Buffer.from(stdin ?? JSON.stringify({ ...CONFIG, ...config })),
    hasNetns: true,
    isRepeated: false,
  });
}

const command = (CNI_COMMAND: string, cniVersion: string): Call => ({
  env: { CNI_COMMAND },
  config: { cniVersion },
});

describe('a CNI call is refused', () => {
  const cases: readonly [string, Call, number, RegExp][] = [
    ['without CNI_IFNAME', { env: { CNI_IFNAME: undefined } }, 4, /\[CNI_IFNAME\] missing/],
    ['with an empty CNI_PATH', { env: { CNI_PATH: '' } }, 4, /\[CNI_PATH\] missing/],
    [
      'without several variables, naming all',
      { env: { CNI_CONTAINERID: undefined, CNI_NETNS: undefined } },
      4,
      /\[CNI_CONTAINERID,CNI_NETNS\] missing/,
    ],
    ['with an empty container id', { env: { CNI_CONTAINERID: '' } }, 3, /CNI_CONTAINERID/],
    ['with a container id like a path', { env: { CNI_CONTAINERID: '../x' } }, 4, /CONTAINERID/],
    ['with a container id with a newline', { env: { CNI_CONTAINERID: 'a\n' } }, 4, /CONTAINERID/],
    ['with an interface name of 16 bytes', { env: { CNI_IFNAME: 'e'.repeat(16) } }, 4, /IFNAME/],
    ['with an interface name of 8 umlauts', { env: { CNI_IFNAME: 'ü'.repeat(8) } }, 4, /IFNAME/],
    ['with an interface name with a slash', { env: { CNI_IFNAME: 'a/b' } }, 4, /IFNAME/],
    ['with an interface name with a colon', { env: { CNI_IFNAME: 'a:b' } }, 4, /IFNAME/],
    ['with an interface name with a space', { env: { CNI_IFNAME: 'a b' } }, 4, /IFNAME/],
    ['with the interface name ".."', { env: { CNI_IFNAME: '..' } }, 4, /IFNAME/],
    ['without JSON', { stdin: '{' }, 6, /JSON/],
    ['with an empty stdin', { stdin: '' }, 6, /JSON/],
    ['with JSON that is no object', { stdin: '[]' }, 6, /JSON/],
    ['without a name', { config: { name: undefined } }, 7, /name is missing/],
    ['with a name like a path', { config: { name: 'a/b' } }, 7, /"a\/b"/],
    ['with a name that is a number', { config: { name: 1 } }, 7, /name is 1/],
    ['without cniVersion', { config: { cniVersion: undefined } }, 1, /0\.1\.0.*1\.1\.0/],
    ['with cniVersion 0.3.0', command('ADD', '0.3.0'), 1, /config is "0\.3\.0"/],
    ['with cniVersion 1.2.0', command('ADD', '1.2.0'), 1, /plugin supports \["0\.3\.1"/],
    ['with an unknown command', { env: { CNI_COMMAND: 'PUT' } }, 4, /unknown CNI_COMMAND: "PUT"/],
    ['as CHECK in 0.3.1', command('CHECK', '0.3.1'), 1, /does not allow CHECK/],
    ['as GC in 1.0.0', command('GC', '1.0.0'), 1, /does not allow GC/],
    ['as STATUS in 1.0.0', command('STATUS', '1.0.0'), 1, /does not allow STATUS/],
    ['with a prevResult that is a list', { config: { prevResult: [] } }, 7, /prevResult/],
    ['with a runtimeConfig that is text', { config: { runtimeConfig: 'x' } }, 7, /runtimeConfig/],
    ['with CNI_ARGS that are no pairs', { env: { CNI_ARGS: 'A' } }, 4, /KEY=VALUE/],
    ['with unknown CNI_ARGS', { env: { CNI_ARGS: 'A=b' } }, 4, /unknown args \[A\]/],
    [
      'with wrong host ports in Go spelling',
      { config: { runtimeConfig: { PortMappings: [{ HostPort: 80, ContainerPort: 0 }] } } },
      7,
      /PortMappings\[0\]\.ContainerPort is 0; it must be a number from 1 to 65535/,
    ],
    [
      'with ranges of addresses',
      { config: { runtimeConfig: { IpRanges: [[{ subnet: '10.0.0.0/24' }]] } } },
      2,
      /IpRanges=.*10\.0\.0\.0/,
    ],
    [
      'as GC with a list of the wrong form',
      {
        env: { CNI_COMMAND: 'GC' },
        config: { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{ containerID: 1 }] },
      },
      7,
      /cni\.dev\/valid-attachments/,
    ],
  ];
  for (const [name, call, code, text] of cases) {
    test(name, () => {
      const parsed = parse(call);
      assert.ok(parsed.kind === 'failed', JSON.stringify(parsed));
      assert.equal(parsed.failure.code, code);
      assert.match(`${parsed.failure.message}; ${parsed.failure.details}`, text);
    });
  }

  test('by its environment first, when its configuration is wrong too', () => {
    const parsed = parse({ env: { CNI_IFNAME: 'a/b' }, stdin: '{' });
    assert.ok(parsed.kind === 'failed');
    assert.equal(parsed.failure.code, 4);
  });
});

describe('a CNI call is understood', () => {
  test('as ADD with the pod that Kubernetes names', () => {
    const CNI_ARGS = 'K8S_POD_NAME=web;IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;X=y';
    const parsed = parse({ env: { CNI_ARGS } });
    assert.ok(parsed.kind === 'request' && parsed.request.verb === 'ADD', JSON.stringify(parsed));
    assert.deepEqual(parsed.request.pod, { namespace: 'shop', name: 'web' });
    assert.deepEqual(parsed.request.identity, {
      network: 'poplin',
      containerId: 'c1',
      ifName: 'eth0',
    });
  });

  test('with keys that libcni and runtimes add', () => {
    const parsed = parse({
      config: {
        capabilities: { mac: true },
        'cni.dev/x': 1,
        runtimeConfig: { bandwidth: { IngressRate: 0 }, Mac: '', portMappings: null, odd: [1] },
        prevResult: null,
        args: { labels: [] },
      },
    });
    assert.equal(parsed.kind, 'request', JSON.stringify(parsed));
  });

  test('as DEL without namespace and with anything that an ADD would refuse', () => {
    const env = { CNI_COMMAND: 'DEL', CNI_NETNS: undefined, CNI_ARGS: 'IP=10.0.0.9;X=y' };
    const parsed = parse({
      env,
      config: { runtimeConfig: { mac: '02:00:00:00:00:01', portMappings: 1 } },
    });
    assert.ok(parsed.kind === 'request' && parsed.request.verb === 'DEL', JSON.stringify(parsed));
  });

  for (const [key, list, expected] of [
    ['cni.dev/valid-attachments', [{ containerID: 'a', ifname: 'eth0' }], 1],
    ['cni.dev/attachments', [{ containerID: 'a', ifname: 'eth0' }], 1],
    ['cni.dev/valid-attachments', null, 0],
  ] as const) {
    test(`as GC with ${JSON.stringify(list)} in ${key}`, () => {
      const parsed = parse({
        env: { CNI_COMMAND: 'GC', CNI_CONTAINERID: undefined, CNI_IFNAME: undefined },
        config: { cniVersion: '1.1.0', [key]: list },
      });
      assert.ok(parsed.kind === 'request' && parsed.request.verb === 'GC', JSON.stringify(parsed));
      assert.equal(parsed.request.config.validAttachments?.length, expected);
    });
  }

  test('as VERSION without anything else', () => {
    const environment = new Map([['CNI_COMMAND', 'VERSION']]);
    const frame = { environment, stdin: Buffer.alloc(0), hasNetns: false, isRepeated: false };
    assert.deepEqual(parseRequest(frame), { kind: 'request', request: { verb: 'VERSION' } });
  });
});

test('no stdin and no environment make the parser throw', () => {
  const json = fc.json({ maxDepth: 3 });
  const almost = fc.dictionary(
    fc.constantFrom('name', 'cniVersion', 'runtimeConfig', 'args', 'prevResult', 'dns'),
    fc.oneof(fc.jsonValue(), fc.constantFrom('poplin', '1.0.0', '1.1.0', {})),
  );
  const stdin = fc.oneof(
    json,
    almost.map((value) => JSON.stringify(value)),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.constantFrom(...VERBS), stdin, fc.string(), (verb, text, CNI_ARGS) => {
      const parsed = parse({ env: { CNI_COMMAND: verb, CNI_ARGS }, stdin: text });
      if (parsed.kind === 'failed') assert.ok(parsed.failure.message.length > 0);
    }),
    { numRuns: 2000 },
  );
});
