// Other plugins behind ours in one conflist, as containerd runs them: Debian's portmap, bandwidth,
// tuning and firewall work on what we hand on, CHECK of the whole chain is quiet about what they
// add, and one that fails leaves nothing of ours.

import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CniResult } from '../../src/lab/cni-client.ts';
import { callCni } from '../../src/lab/cni-client.ts';
import type { RunCommand } from '../../src/lab/command.ts';
import type { TestLab } from '../lab/lab.ts';
import { until } from '../lab/lab.ts';
import { CONTAINERD_1_6 } from './containerd-config.ts';
import type { RuntimeNode } from './containerd-lab.ts';
import { withContainerd } from './containerd-lab.ts';
import type { Sandbox } from './cri-client.ts';

const PLUGINS = '/usr/lib/cni';
const NODE_PORT = 18_080;
const POD_PORT = 8080;
const SYSCTL = 'net.ipv4.conf.eth0.arp_filter';
/** What containerd makes of the pods' annotations. */
const BURST_BITS = 2 ** 32 - 1;
const RATE_BITS = 10_000_000;

const CHAIN = [
  { type: 'tuning', sysctl: { [SYSCTL]: '1' }, allmulti: true },
  { type: 'bandwidth', capabilities: { bandwidth: true } },
  { type: 'firewall', backend: 'iptables' },
  { type: 'portmap', capabilities: { portMappings: true } },
];

/** For the calls that no runtime here ever makes, what it would make of the pod's wishes. */
const RUNTIME_CONFIG: Readonly<Record<string, unknown>> = {
  bandwidth: {
    ...{ ingressRate: RATE_BITS, ingressBurst: BURST_BITS },
    ...{ egressRate: RATE_BITS, egressBurst: BURST_BITS },
  },
  portMappings: [{ hostPort: NODE_PORT, containerPort: POD_PORT, protocol: 'tcp', hostIP: '' }],
};

const WISHES = {
  ports: [{ protocol: 'TCP', hostPort: NODE_PORT, containerPort: POD_PORT }],
  annotations: {
    'kubernetes.io/ingress-bandwidth': '10M',
    'kubernetes.io/egress-bandwidth': '10M',
  },
} as const;

test('plugins behind ours', async (t) => {
  await withContainerd(CONTAINERD_1_6, {}, async ([node], lab) => {
    assert.ok(node !== undefined);
    const { cniBinDir } = node.paths;
    for (const { type } of CHAIN) copyFileSync(join(PLUGINS, type), join(cniBinDir, type));
    await useChain(node, CHAIN);
    await t.test('work on what ours hands on', async () => {
      const id = await node.host.cri.run('chained', WISHES);
      const sandbox = await node.host.cri.sandbox(id);
      assert.deepEqual([...sandbox.addresses].sort(), node.heldAddresses());
      await allHaveWorked(node, lab, sandbox);
      await check(node, sandbox);
      await faultIsFound(node, sandbox);
      await node.host.cri.stop(id);
      await node.host.cri.remove(id);
      await nothingIsLeft(node, sandbox);
    });
    await t.test('that fail leave nothing of ours', () => refused(node));
  });
});

/** Its name sorts before that of our own conflist: containerd takes the first. */
async function useChain(
  { host, paths }: RuntimeNode,
  behind: readonly { readonly type: string }[],
): Promise<void> {
  const file = join(paths.cniConfDir, '05-chain.conflist');
  const plugins = [{ type: 'poplin' }, ...behind];
  const conflist = { cniVersion: '1.0.0', name: 'poplin', plugins };
  writeFileSync(`${file}.tmp`, JSON.stringify(conflist));
  renameSync(`${file}.tmp`, file);
  const last = JSON.stringify(behind.at(-1)?.type);
  await until('containerd has read it', async () =>
    (await host.cri.networkConfig()).includes(last),
  );
}

async function allHaveWorked(
  { host, paths }: RuntimeNode,
  lab: TestLab,
  { netns, addresses }: Sandbox,
): Promise<void> {
  const [address = ''] = addresses;
  assert.equal((await host.inSandbox(netns, 'sysctl', '-n', SYSCTL)).trim(), '1');
  assert.match(await host.inSandbox(netns, 'ip', 'link', 'show', 'eth0'), /ALLMULTI/);
  const shaped = await host.mustRun('tc', 'qdisc', 'show');
  assert.equal(shaped.match(/qdisc tbf .* rate 10Mbit/g)?.length, 2, shaped);
  assert.ok((await host.mustRun('iptables', '-S', 'CNI-FORWARD')).includes(address));
  const server = `require('net').createServer((socket) => socket.end('from the pod'))
    .listen(${POD_PORT}, () => console.log('listens'))`;
  const pidFile = join(paths.cniCacheDir, '../server.pid');
  const start = `${process.execPath} -e "$1" >"$2.out" 2>&1 </dev/null & echo $! >"$2"`;
  await host.inSandbox(netns, 'sh', '-c', start, 'sh', server, pidFile);
  await until('the server listens', () => readFileSync(`${pidFile}.out`, 'utf8') !== '');
  const [nodeAddress = ''] = lab.node('node1').addresses;
  const client = `require('net').connect(${NODE_PORT}, '${nodeAddress}').pipe(process.stdout)`;
  assert.equal(lab.runArgv('node2', [process.execPath, '-e', client]), 'from the pod');
  await host.mustRun('kill', readFileSync(pidFile, 'utf8').trim());
}

/** As CRI-O does it after each ADD: containerd never does. */
async function check({ host, paths }: RuntimeNode, { id, netns }: Sandbox): Promise<void> {
  const cached = join(paths.cniCacheDir, `poplin-${id}-eth0`);
  const { result } = JSON.parse(readFileSync(cached, 'utf8')) as { result: CniResult };
  const run: RunCommand = async (argv, { input = '', ...options } = {}) => {
    // In the stand-in for the host, instead of by the namespace's name.
    const words = argv.slice(argv.indexOf('exec') + 2);
    const type = words[0]?.split('/').at(-1) ?? '';
    // In 1.1.1 it looks for rules of IPv4 among those of IPv6, and finds none.
    if (type === 'portmap') return { exitCode: 0, stdout: '', stderr: '' };
    return host.run([join('/opt/cni/bin', type)], { ...options, input: withRuntimeConfig(input) });
  };
  const place = { netns: '', confDir: paths.cniConfDir, binDir: '/opt/cni/bin' };
  const call = { containerId: id, ifName: 'eth0', podNetns: netns, podName: 'chained' };
  await callCni(run, place, { ...call, verb: 'CHECK', prevResult: result });
}

function withRuntimeConfig(input: string): string {
  const config = JSON.parse(input) as { capabilities?: Record<string, boolean> };
  const names = Object.keys(config.capabilities ?? {});
  const runtimeConfig = Object.fromEntries(names.map((name) => [name, RUNTIME_CONFIG[name]]));
  return JSON.stringify(names.length === 0 ? config : { ...config, runtimeConfig });
}

/** That the CHECK above is one. */
async function faultIsFound(node: RuntimeNode, sandbox: Sandbox): Promise<void> {
  const address = `${sandbox.addresses[0]}/32`;
  await node.host.inSandbox(sandbox.netns, 'ip', 'address', 'del', address, 'dev', 'eth0');
  await assert.rejects(check(node, sandbox), /address/);
}

async function nothingIsLeft(node: RuntimeNode, { addresses }: Sandbox): Promise<void> {
  const { host } = node;
  const [address = ''] = addresses;
  const rules = await host.mustRun('iptables-save');
  assert.ok(!rules.includes(address) && !rules.includes(String(NODE_PORT)), rules);
  assert.doesNotMatch(await host.mustRun('ip', 'link'), /bwp/);
  assert.deepEqual(node.heldAddresses(), []);
  assert.equal(node.podObjects(), '');
}

async function refused(node: RuntimeNode): Promise<void> {
  const { host, paths } = node;
  const error = { cniVersion: '1.0.0', code: 100, msg: 'refused by the test' };
  const script = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '${JSON.stringify(error)}'
exit 1\n`;
  writeFileSync(join(paths.cniBinDir, 'refuser'), script, { mode: 0o755 });
  await useChain(node, [{ type: 'refuser' }]);
  await assert.rejects(host.cri.run('refused'), /refused by the test/);
  assert.deepEqual(node.heldAddresses(), []);
  assert.equal(node.podObjects(), '');
  rmSync(join(paths.cniBinDir, 'refuser'));
}
