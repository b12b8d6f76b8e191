// Shows measures: as lines on the terminal while they come, as JSON for programs, and as the page
// docs/benchmarks.md. Pure.

import type { Measure } from './measure.ts';
import { ratioOf, targetText, verdictOf } from './measure.ts';
import { shortNumber } from './statistics.ts';

/** What the numbers were measured on. */
export type Machine = {
  readonly cores: number;
  readonly processor: string;
  readonly kernel: string;
  readonly nodeVersion: string;
  readonly date: string;
  readonly references: readonly string[];
};

const ratioText = (measure: Measure): string => {
  const ratio = ratioOf(measure);
  return Number.isNaN(ratio) ? '–' : ratio.toFixed(2);
};

export function renderLine(measure: Measure): string {
  const { name, value, unit, reference, against, spread } = measure;
  const verdict = verdictOf(measure);
  const target = verdict === '' ? '' : `  [${targetText(measure)}: ${verdict}]`;
  return (
    `${name.padEnd(30)} ${shortNumber(value).padStart(8)} ${unit.padEnd(6)} ` +
    `ratio ${ratioText(measure).padStart(6)}  against ${shortNumber(reference)} (${against})` +
    `${spread === '' ? '' : `; ${spread}`}${target}`
  );
}

export const renderJson = (measures: readonly Measure[]): string =>
  `${JSON.stringify(
    measures.map((measure) => {
      const { name, value, unit, against } = measure;
      const ratio = ratioOf(measure);
      return { name, value, unit, against, ratio: Number.isNaN(ratio) ? null : ratio };
    }),
    null,
    2,
  )}\n`;

export function renderPage(measures: readonly Measure[], machine: Machine): string {
  const rows = measures.map((measure) => {
    const { name, value, unit, against, reference, spread } = measure;
    const verdict = verdictOf(measure);
    const target = verdict === '' ? '' : `${targetText(measure)}: ${verdict}`;
    const ours = `${shortNumber(value)} ${unit}`;
    const theirs = `${against}: ${shortNumber(reference)} ${unit}`;
    return `| \`${name}\` | ${ours} | ${theirs} | ${ratioText(measure)} | ${spread} | ${target} |`;
  });
  return `${[...HEAD, ...renderMachine(machine), ...TABLE_HEAD, ...rows, '', ...NOTES].join('\n')}\n`;
}

const renderMachine = (machine: Machine): string[] => [
  `Measured on ${machine.date}: ${machine.cores} cores (${machine.processor}), Linux ` +
    `${machine.kernel}, Node.js ${machine.nodeVersion}; against ${machine.references.join(', ')}.`,
  '',
];

const HEAD = [
  '# Benchmarks',
  '',
  '<!-- Written by `npm run bench -- --write`: edit test/bench/report.ts, not this page. -->',
  '',
  'Each number stands beside something real that was measured in the same run, in turns with ours;',
  'the ratio is ours divided by that. On another machine the numbers differ, the ratios hardly.',
  'Times are better when smaller, throughput when larger.',
  '',
];

const TABLE_HEAD = [
  '| name | Poplin | against | ratio | spread (Poplin / the other) | target |',
  '|---|---|---|---|---|---|',
];

const NOTES = [
  '## How to read it, and how it is measured',
  '',
  '- `npm run bench` runs all suites (about eight minutes, as root); `npm run bench -- --only NAME`',
  '  runs one of `cni`, `peers`, `datapath`, `hostport`, `memory`, `latency`, `leases`, `switch`,',
  '  `drift`, `bgp`; `--json FILE` writes the numbers',
  '  for programs; `--write` writes this page. Everything happens in network namespaces of its own.',
  '- `cni`: a C program does for both sides what libcni does (starts each plugin of the chain, hands',
  '  on `prevResult`) and takes turns between them, call by call. Medians of 100; `parallel50` is the',
  '  time until the last of 50 calls started together has ended, median of five. `hostport`: the same',
  '  for pods with one TCP port of the node each, medians of 50 and of three.',
  '- `hostport`: a ping-pong over one TCP connection, and new connections one after the other, from a',
  '  client outside to a host port of a node with 10,000 mappings, against the same with 10.',
  '- `peers`: one pass of the agent (read the kernel, look up the way to each peer, compute, compare,',
  '  apply) against `ip -batch`, `bridge -batch` and `nft -f` with the same operations in the same',
  '  order, nexthop objects included, in fresh namespaces. `apply` is the kernel part of the pass',
  '  alone. `empty` is a pass that nothing but time asks for and that finds nothing to do: the agent',
  '  reads the whole kernel and compares its digest with that of the pass before. `whole` is a pass',
  '  that decodes and compares each object. `writes` counts the system calls of both that would',
  '  change anything, as strace and the netlink monitors see them.',
  '- `datapath`: iperf3 and a ping-pong over one TCP connection between pods, against the same between',
  '  the two nodes over their bare underlay (veth pairs and a bridge), in turns. Each end of iperf3 has',
  '  a processor of its own; the ratio is the median of those of neighbouring turns. Congestion control',
  '  is cubic, as Linux has it by default; bbr, which paces its packets, is measured beside it. The',
  '  `bridge` plugin has the MTU that Flannel gives it where nodes are joined by VXLAN, 1450, which our',
  '  pods need only toward other nodes; beside it, with 1500. Without `ipMasq` its node tracks no',
  '  connections, which ours and any that runs kube-proxy does; for `.bridge-services` both nodes have',
  '  its rules, and the sysctl that it asks for. Those of `ptp` are routed, with `ipMasq` and nothing',
  '  else.',
  '- `leases`: what `memory` measures with 5,000 nodes, where they have claimed their subnets.',
  '- `memory`: the agent as it is shipped (bundle, `scripts/poplin`), by `/proc/PID/status`, with one',
  '  node and with 5,000 Node objects of 8 KB; against a Node.js process that does nothing. `start`',
  '  is from the start of the process to the conflist being there. `updates` is processor time while',
  '  50 Nodes a second are updated, as by kubelets (`heartbeat`) or in what peers need (`change`).',
  '- `latency`: from a write to the API until the kernel of the last of three nodes tells of the',
  '  change; against the arrival of the same event at a bare HTTP watch.',
  '- `switch`: changes of the backend by `poplin lab switch` in a dual-stack lab of three nodes, with',
  '  a UDP probe every few milliseconds in both directions and a TCP stream on each pair, three times',
  '  each. `lost` is the most packets and connections that one change cost, `moved` the time until',
  '  the last node had moved; against the same change by stopping the agents, deleting what they',
  '  made, and starting them again, as other networks do it.',
  '- `drift`: from the return of a command that deletes or changes something until it is back, nine',
  '  times for each kind; against the time in which the measuring shell sees that nothing was done.',
  '- `bgp`: a node with the agent and its BIRD, and 100 others that are Nodes in the API and sessions of',
  '  one BIRD with 100 addresses. `join`: all 100 Nodes are created at once, until the last of their',
  '  routes is in the kernel; `paths`: until all of them are sent to by it; medians of five, against a',
  '  BIRD that is started with the finished file. `change`: from a write to the API until BIRD runs by',
  '  a further peer, median of 15, against the same file given to BIRD by hand. `memory` is that of',
  '  the agent, and `.bird` that of its BIRD, against the same BIRD without sessions.',
];
