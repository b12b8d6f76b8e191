// Turns the DaemonSet's container into what runc starts: the same capabilities, read-only root,
// mounts, environment and system calls as the manifest says, for a node of a lab. Arguments: the
// bundle's directory, the image's contents, a capability to leave out or `none`, and the command
// line that the lab would have started the agent by.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import type { V1DaemonSet } from '@kubernetes/client-node';
import { containerOf, environmentOf, one, readManifests } from '../unit/deploy/manifests.ts';

const [bundle = '', rootfs = '', without = '', ...words] = process.argv.slice(2);
const KUBECONFIG_DIRECTORY = '/etc/poplin';

const manifests = readManifests('deploy/poplin.yaml');
const agent = containerOf(manifests, 'agent');
const { values } = parseArgs({
  args: words.slice(words.indexOf('agent') + 1),
  strict: false,
  options: Object.fromEntries(
    [
      ...['node-name', 'kubeconfig', 'machine-id-file'],
      ...['run-dir', 'state-dir', 'cni-conf-dir', 'cni-cache-dir'],
    ].map((name) => [name, { type: 'string' as const }]),
  ),
});
const flag = (name: string): string => String(values[name]);

/** Where the lab's node has what a real one has at the path of the volume. */
const places: Readonly<Record<string, string>> = {
  '/run/poplin': flag('run-dir'),
  '/var/lib/poplin': flag('state-dir'),
  '/etc/cni/net.d': flag('cni-conf-dir'),
  '/var/lib/cni': dirname(flag('cni-cache-dir')),
  '/etc/machine-id': flag('machine-id-file'),
};

const volumes = one<V1DaemonSet>(manifests, 'DaemonSet').spec?.template.spec?.volumes ?? [];
const mounts = (agent.volumeMounts ?? []).map(({ name, mountPath, readOnly, mountPropagation }) => {
  const path = volumes.find((volume) => volume.name === name)?.hostPath?.path ?? '';
  const propagation = mountPropagation === 'HostToContainer' ? 'rslave' : 'rprivate';
  return bind(places[path] ?? path, mountPath, [readOnly === true ? 'ro' : 'rw', propagation]);
});

function bind(source: string, destination: string, options: readonly string[]) {
  return { destination, type: 'bind', source, options: ['rbind', ...options] };
}

const capabilities = (agent.securityContext?.capabilities?.add ?? [])
  .map((name) => `CAP_${name}`)
  .filter((name) => name !== without);

type Condition = { readonly caps?: readonly string[]; readonly arches?: readonly string[] };
type Rule = { readonly includes?: Condition; readonly excludes?: Condition };
type Profile = {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly syscalls: readonly (Rule & Readonly<Record<string, unknown>>)[];
};

/** The rules of container runtimes, for these capabilities and this architecture. */
function seccomp() {
  const file = '/usr/share/containers/seccomp.json';
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const holds = ({ caps, arches }: Condition, every: boolean): boolean => {
    const found = [
      ...(caps === undefined ? [] : [caps.some((name) => capabilities.includes(name))]),
      ...(arches === undefined ? [] : [arches.includes('amd64')]),
    ];
    return every ? found.every(Boolean) : found.some(Boolean);
  };
  const syscalls = profile.syscalls.flatMap(({ includes, excludes, comment, ...rule }) =>
    holds(includes ?? {}, true) && !holds(excludes ?? {}, false) ? [rule] : [],
  );
  const { defaultAction, defaultErrnoRet } = profile;
  return { defaultAction, defaultErrnoRet, architectures: ['SCMP_ARCH_X86_64'], syscalls };
}

const image = JSON.parse(readFileSync(join(rootfs, '../poplin-amd64.json'), 'utf8')) as {
  readonly config: { readonly Env: string[]; readonly Entrypoint: string[] };
};
const environment = { ...environmentOf(agent), POPLIN_NODE_NAME: flag('node-name') };
const security = agent.securityContext;
const config = {
  ociVersion: '1.0.2',
  process: {
    user: { uid: security?.runAsUser, gid: 0 },
    args: [
      ...image.config.Entrypoint,
      ...(agent.args ?? []),
      ...['--kubeconfig', flag('kubeconfig').replace(/^.*\//, `${KUBECONFIG_DIRECTORY}/`)],
    ],
    env: [
      ...image.config.Env,
      ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ],
    cwd: '/',
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: security?.allowPrivilegeEscalation === false,
  },
  root: { path: rootfs, readonly: security?.readOnlyRootFilesystem },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'ro'] },
    bind(dirname(flag('kubeconfig')), KUBECONFIG_DIRECTORY, ['ro']),
    ...mounts,
  ],
  linux: {
    namespaces: ['mount', 'ipc', 'uts', 'pid'].map((type) => ({ type })),
    cgroupsPath: `/poplin-image/${bundle.replace(/^.*\//, '')}`,
    maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    seccomp: seccomp(),
  },
};
mkdirSync(bundle, { recursive: true });
writeFileSync(join(bundle, 'config.json'), JSON.stringify(config));
