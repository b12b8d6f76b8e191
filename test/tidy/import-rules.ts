// Which folder of src may import what, and why. The arrows only go one way: what is pure stays
// pure, and the only seams to the outside are the ports. A file belongs to the rule with the
// longest matching path.

export type ImportRule = {
  readonly folder: string;
  /** Other folders of src; the own one goes without saying. */
  readonly folders: readonly string[];
  /** Packages and node: modules; `node:*` is all of the latter. */
  readonly packages: readonly string[];
  readonly reason: string;
};

/** Types of these files may be imported by every folder but src/net: they are the contracts. */
export const PORTS: readonly string[] = [
  'src/agent/bird-status.ts',
  'src/agent/path-words.ts',
  'src/agent/status.ts',
  'src/backend/backend.ts',
  'src/cluster/advert.ts',
  'src/cluster/cluster.ts',
  'src/cluster/holding.ts',
  'src/cluster/node.ts',
  'src/cni/node-network.ts',
  'src/config/config.ts',
  'src/endpoint/attachment.ts',
  'src/kernel/kernel.ts',
  'src/source/source.ts',
  'src/state/kernel-state.ts',
  'src/state/op.ts',
  'src/state/route-lookup.ts',
];

const EVERYTHING = [
  ...['src/agent', 'src/backend', 'src/bgp', 'src/bird', 'src/cleanup', 'src/cli'],
  ...['src/cluster', 'src/cni', 'src/config', 'src/doctor'],
  ...['src/desired', 'src/endpoint', 'src/kernel', 'src/lab', 'src/lib', 'src/net'],
  ...['src/netlink', 'src/source', 'src/state'],
];
const PURE_PACKAGES = ['node:crypto'];

export const IMPORT_RULES: readonly ImportRule[] = [
  {
    ...{ folder: 'src/net', folders: [], packages: PURE_PACKAGES },
    reason: 'addresses and prefixes are the ground that everything stands on',
  },
  {
    ...{ folder: 'src/lib', folders: [], packages: ['node:*', 'pino'] },
    reason: 'small general helpers know nothing of networks',
  },
  {
    ...{ folder: 'src/state', folders: ['src/net', 'src/lib'], packages: PURE_PACKAGES },
    reason: 'pure: what a kernel holds, and differences of it',
  },
  {
    folder: 'src/cluster',
    folders: ['src/net', 'src/lib'],
    packages: [...PURE_PACKAGES, 'zod'],
    reason: 'pure: what is known of nodes; it must not know where from',
  },
  {
    folder: 'src/config',
    folders: ['src/net', 'src/lib'],
    packages: [...PURE_PACKAGES, 'zod', 'ip-num'],
    reason: 'pure: text to configuration; also used by `config check` without any cluster',
  },
  {
    folder: 'src/backend',
    folders: ['src/state', 'src/cluster', 'src/config', 'src/net', 'src/lib'],
    packages: PURE_PACKAGES,
    reason: 'pure: a backend describes, it never acts',
  },
  {
    folder: 'src/bgp',
    folders: ['src/cluster', 'src/config', 'src/net', 'src/lib'],
    packages: PURE_PACKAGES,
    reason: 'pure: what a node says to BIRD; who tells it to BIRD is in src/bird and the agent',
  },
  {
    folder: 'src/endpoint',
    folders: ['src/state', 'src/net', 'src/lib'],
    packages: PURE_PACKAGES,
    reason: 'pure: attachments to kernel state',
  },
  {
    folder: 'src/desired',
    folders: [
      ...['src/backend', 'src/cluster', 'src/config', 'src/endpoint'],
      ...['src/state', 'src/net', 'src/lib'],
    ],
    packages: [...PURE_PACKAGES, 'zod'],
    reason: 'pure: the whole desired state from configuration and cluster (invariant 1)',
  },
  {
    ...{ folder: 'src/netlink', folders: ['src/net', 'src/lib'], packages: [] },
    reason: 'pure: bytes to messages and back; the socket is in src/kernel',
  },
  {
    folder: 'src/kernel',
    folders: ['src/netlink', 'src/state', 'src/net', 'src/lib'],
    packages: ['node:*', 'koffi'],
    reason: 'adapter of one kernel; it carries out ops and decides nothing',
  },
  {
    ...{ folder: 'src/bird', folders: ['src/net', 'src/lib'], packages: ['node:*'] },
    reason: 'adapter of one BIRD; it knows neither the cluster nor what the configuration says',
  },
  {
    folder: 'src/source',
    folders: ['src/cluster', 'src/net', 'src/lib'],
    packages: ['node:*', 'zod', '@kubernetes/client-node', 'yaml', 'etcd3'],
    reason: 'adapter of a datastore; it knows nothing of kernels and pods',
  },
  {
    folder: 'src/cni',
    folders: ['src/endpoint', 'src/kernel', 'src/state', 'src/net', 'src/lib'],
    packages: ['node:*', 'zod'],
    reason: 'adapter of the runtime; it never reads the cluster or the configuration',
  },
  {
    folder: 'src/doctor',
    folders: [
      ...['src/backend', 'src/cluster', 'src/config', 'src/desired'],
      ...['src/state', 'src/net', 'src/lib'],
    ],
    packages: [],
    reason: 'pure: facts of a node to findings; what is gathered is in src/doctor/gather',
  },
  {
    folder: 'src/doctor/gather',
    folders: EVERYTHING.filter((folder) => !['src/lab', 'src/cli', 'src/bird'].includes(folder)),
    packages: ['node:*', 'zod'],
    reason: 'adapter: reads what a node shows, and judges nothing',
  },
  {
    folder: 'src/agent',
    folders: EVERYTHING.filter(
      (folder) => !['src/cleanup', 'src/cli', 'src/doctor', 'src/lab'].includes(folder),
    ),
    packages: ['node:*', 'prom-client', 'zod'],
    reason: 'puts the parts together; the lab and the command line use it, not it them',
  },
  {
    folder: 'src/cleanup',
    folders: EVERYTHING.filter((folder) => !['src/agent', 'src/cli', 'src/lab'].includes(folder)),
    packages: ['node:*'],
    reason: 'takes away what is left when no agent runs',
  },
  {
    folder: 'src/lab',
    folders: EVERYTHING,
    packages: ['node:*', 'zod', 'koffi', 'yaml', '@kubernetes/client-node'],
    reason: 'a product on top of the others: many nodes on one machine',
  },
  {
    folder: 'src/cli',
    folders: EVERYTHING,
    packages: ['node:*', 'zod', '@kubernetes/client-node'],
    reason: 'part of the shell: arguments, output, exit codes',
  },
  {
    ...{ folder: 'src/web', folders: ['src/cluster'], packages: [] },
    reason: 'runs in a browser: no Node.js, nothing from elsewhere, small',
  },
  {
    folder: 'src/main.ts',
    folders: EVERYTHING,
    packages: ['node:*', 'pino'],
    reason: 'the composition root',
  },
];
