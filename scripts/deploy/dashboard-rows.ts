// The rows of the dashboard: what each panel asks and shows. `$node` is the variable of the nodes
// that are looked at.

type Query = { readonly expr: string; readonly legend: string };

export type Panel = {
  readonly title: string;
  readonly about: string;
  readonly kind: 'timeseries' | 'stat' | 'table';
  readonly unit: string;
  readonly queries: readonly Query[];
};

type Row = { readonly title: string; readonly panels: readonly Panel[] };

const ON = 'instance=~"$node"';
const RATE = '[$__rate_interval]';

const rate = (by: string, metric: string): string => `sum by (${by}) (rate(${metric}${RATE}))`;

const quantile = (share: number, metric: string, labels: string): string =>
  `histogram_quantile(${share}, sum by (le) (rate(${metric}_bucket{${labels}}${RATE})))`;

export const ROWS: readonly Row[] = [
  {
    title: 'The cluster',
    panels: [
      {
        title: 'Nodes ready',
        about: 'Nodes whose pods can be started and reach the others, of all that answer.',
        ...{ kind: 'stat', unit: 'none' },
        queries: [
          { expr: `sum(poplin_ready{${ON}})`, legend: 'ready' },
          { expr: `count(poplin_ready{${ON}})`, legend: 'all' },
        ],
      },
      {
        title: 'Pods',
        about: 'Pods that are attached.',
        ...{ kind: 'stat', unit: 'none' },
        queries: [{ expr: `sum(poplin_pods{${ON}})`, legend: 'pods' }],
      },
      {
        title: 'Versions',
        about: 'Agents by version; more than one only while an update goes on.',
        ...{ kind: 'stat', unit: 'none' },
        queries: [{ expr: `count by (version) (poplin_build_info{${ON}})`, legend: '{{version}}' }],
      },
      {
        title: 'Something is wrong',
        about:
          'Nodes with a bad configuration, without the datastore, with a fight over an object.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          { expr: `sum(poplin_config_invalid{${ON}})`, legend: 'configuration not in force' },
          { expr: `sum(poplin_source_problem{${ON}})`, legend: 'datastore away' },
          { expr: `sum(poplin_repair_fights{${ON}})`, legend: 'fights' },
          { expr: `count(poplin_ready{${ON}} == 0) or vector(0)`, legend: 'nodes not ready' },
        ],
      },
    ],
  },
  {
    title: 'Reaching each other',
    panels: [
      {
        title: 'Paths in use',
        about: 'Peers and families by path; "none" is somebody who cannot be reached.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [{ expr: `sum by (path) (poplin_peers{${ON}})`, legend: '{{path}}' }],
      },
      {
        title: 'Peers with a fault',
        about: 'Silent: no probe comes back. Waiting: the next path does not answer yet.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          {
            expr: `sum by (instance) (poplin_peers_silent{${ON}})`,
            legend: 'silent, {{instance}}',
          },
          { expr: `sum(poplin_peers_waiting{${ON}})`, legend: 'waiting' },
          { expr: `sum(poplin_peers_mtu_small{${ON}})`, legend: 'small MTU' },
        ],
      },
      {
        title: 'Echo between nodes',
        about: 'Half of the peers, 99 % of them and all answer within.',
        ...{ kind: 'timeseries', unit: 's' },
        queries: [
          {
            expr: `max by (quantile) (poplin_probe_latency_seconds{${ON}})`,
            legend: 'slowest node, {{quantile}}',
          },
        ],
      },
      {
        title: 'Probes lost',
        about: 'Of the last probes over the paths in use, mean of all peers of a node.',
        ...{ kind: 'timeseries', unit: 'percentunit' },
        queries: [{ expr: `poplin_probe_loss_ratio{${ON}}`, legend: '{{instance}}' }],
      },
      {
        title: 'From node to node',
        about: 'Echo of each pair; of nodes with up to 64 paths.',
        ...{ kind: 'table', unit: 's' },
        queries: [
          { expr: `poplin_peer_latency_seconds{${ON}}`, legend: '{{instance}} to {{peer}}' },
        ],
      },
      {
        title: 'Lost from node to node',
        about: 'Of the last 32 probes of each pair; of nodes with up to 64 paths.',
        ...{ kind: 'table', unit: 'percentunit' },
        queries: [{ expr: `poplin_peer_loss_ratio{${ON}}`, legend: '{{instance}} to {{peer}}' }],
      },
      {
        title: 'MTU of the smallest path',
        about: 'What was found below what both ends believe; 0 where there is none.',
        ...{ kind: 'timeseries', unit: 'bytes' },
        queries: [
          { expr: `poplin_path_mtu_found_bytes{${ON}}`, legend: 'found, {{instance}}' },
          { expr: `poplin_path_mtu_believed_bytes{${ON}}`, legend: 'believed, {{instance}}' },
        ],
      },
    ],
  },
  {
    title: 'Pods',
    panels: [
      {
        title: 'CNI calls',
        about: 'Of the container runtimes, by verb.',
        ...{ kind: 'timeseries', unit: 'ops' },
        queries: [
          {
            expr: `sum by (verb) (rate(poplin_cni_duration_seconds_count{${ON}}${RATE}))`,
            legend: '{{verb}}',
          },
        ],
      },
      {
        title: 'How long an ADD takes',
        about: 'In the agent.',
        ...{ kind: 'timeseries', unit: 's' },
        queries: [0.5, 0.99].map((share) => ({
          expr: quantile(share, 'poplin_cni_duration_seconds', `${ON}, verb="ADD"`),
          legend: `${share * 100} %`,
        })),
      },
      {
        title: 'CNI failures',
        about: 'By verb and CNI code, and attachments that were released since their pod was gone.',
        ...{ kind: 'timeseries', unit: 'ops' },
        queries: [
          {
            expr: rate('verb, code', `poplin_cni_duration_seconds_count{${ON}, code!="0"}`),
            legend: '{{verb}} {{code}}',
          },
          { expr: `sum(poplin_cni_orphans_released_total{${ON}})`, legend: 'orphans, in all' },
        ],
      },
      {
        title: 'Addresses',
        about: 'Of the subnets that nodes hold.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          {
            expr: `sum by (family, state) (poplin_ipam_addresses{${ON}})`,
            legend: '{{family}} {{state}}',
          },
          { expr: `sum by (family) (poplin_ipam_subnets{${ON}})`, legend: '{{family}} subnets' },
        ],
      },
    ],
  },
  {
    title: 'The agents',
    panels: [
      {
        title: 'Passes',
        about: 'Looks at the kernel, and what they changed.',
        ...{ kind: 'timeseries', unit: 'ops' },
        queries: [
          { expr: `sum(rate(poplin_reconcile_passes_total{${ON}}${RATE}))`, legend: 'passes' },
          {
            expr: `sum by (object) (rate(poplin_reconcile_ops_total{${ON}}${RATE}))`,
            legend: 'changes, {{object}}',
          },
          {
            expr: `sum(rate(poplin_reconcile_failures_total{${ON}}${RATE}))`,
            legend: 'refused by the kernel',
          },
        ],
      },
      {
        title: 'How long a pass takes',
        about: 'In thousands of nodes a tenth of a second.',
        ...{ kind: 'timeseries', unit: 's' },
        queries: [0.5, 0.99].map((share) => ({
          expr: quantile(share, 'poplin_reconcile_duration_seconds', ON),
          legend: `${share * 100} %`,
        })),
      },
      {
        title: 'Drift',
        about: 'Objects that somebody else changed and the agent put right.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          {
            expr: `sum by (instance, object) (increase(poplin_drift_repaired_total{${ON}}${RATE}))`,
            legend: '{{instance}} {{object}}',
          },
        ],
      },
    ],
  },
  {
    title: 'BGP',
    panels: [
      {
        title: 'Sessions',
        about: 'That are established, and those that are not; only on backend bgp.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          { expr: `sum(poplin_bgp_session_up{${ON}})`, legend: 'up' },
          { expr: `count(poplin_bgp_session_up{${ON}} == 0)`, legend: 'down' },
        ],
      },
      {
        title: 'Routes',
        about: 'Of all sessions of a node.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          {
            expr: `sum by (instance, direction) (poplin_bgp_session_routes{${ON}})`,
            legend: '{{instance}} {{direction}}',
          },
        ],
      },
      {
        title: 'BIRD',
        about: 'Missing, behind with its configuration, and configurations that it was given.',
        ...{ kind: 'timeseries', unit: 'none' },
        queries: [
          { expr: `sum(poplin_bird_missing{${ON}})`, legend: 'missing' },
          { expr: `sum(poplin_bird_config_pending{${ON}})`, legend: 'configuration pending' },
          {
            expr: `sum by (outcome) (poplin_bird_configurations_total{${ON}})`,
            legend: 'configurations, {{outcome}}',
          },
        ],
      },
    ],
  },
];
