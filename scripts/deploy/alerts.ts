// The alerts for Prometheus, each with series by which it fires and others by which it must not:
// promtool plays them (test/system/monitoring.test.ts). What they look at is documented in
// docs/metrics.md, which a test compares. Thresholds are meant for a person who is called, not for
// a graph: what heals by itself within minutes calls nobody.

import type { Alert } from './alert.ts';
import { ON_NODE, simple, steady } from './alert.ts';
import { BGP, PODS } from './alerts-of-pods.ts';

const REACHING: readonly Alert[] = [
  {
    name: 'PoplinAgentDown',
    expr: 'up{job="poplin"} == 0',
    ...{ for: '5m', severity: 'warning' },
    summary: 'The agent of {{ $labels.instance }} does not answer',
    description:
      'Pods go on; new ones do not start, and changes of the cluster are not followed. See the ' +
      'log of the pod poplin-… on that node.',
    fires: {
      series: { 'up{job="poplin", instance="node1"}': '0x20' },
      ...{ at: '10m', labels: { job: 'poplin', instance: 'node1' } },
    },
    quiet: {
      series: {
        'up{job="poplin", instance="node1"}': '1 0 0 1x20',
        'up{job="other", instance="node1"}': '0x20',
      },
      at: '10m',
    },
  },
  simple({
    ...{ name: 'PoplinNodeNotReady', metric: 'poplin_ready', comparison: '== 0', bad: 0, good: 1 },
    ...{ for: '5m', severity: 'critical' },
    summary: 'Pods of {{ $labels.instance }} cannot be started, or do not reach the others',
    description: 'Run "poplin status" there: "problems" says why.',
  }),
  {
    name: 'PoplinPeersUnreachable',
    expr: 'poplin_peers{path="none"} > 0',
    ...{ for: '5m', severity: 'critical' },
    summary: '{{ $labels.instance }} has no path to some peers',
    description: 'Run "poplin status" there: each such peer has "none" with the reason.',
    fires: {
      series: steady('poplin_peers', 1, '{instance="node1", path="none"}'),
      ...{ at: '10m', labels: { instance: 'node1', path: 'none' } },
    },
    quiet: {
      series: {
        'poplin_peers{instance="node1", path="none"}': '0x20',
        'poplin_peers{instance="node1", path="vxlan"}': '5x20',
      },
      at: '10m',
    },
  },
  simple({
    ...{ name: 'PoplinPeersSilent', metric: 'poplin_peers_silent', comparison: '> 0' },
    ...{ bad: 2, good: 0, for: '5m', severity: 'warning' },
    summary: 'Peers do not answer {{ $labels.instance }}',
    description:
      'One that all are silent to is dead; where a single node complains, look at its underlay: ' +
      'the UDP port of VXLAN, rp_filter, a firewall.',
  }),
  simple({
    ...{ name: 'PoplinProbeLoss', metric: 'poplin_probe_loss_ratio', comparison: '> 0.02' },
    ...{ bad: 0.05, good: 0, for: '10m', severity: 'warning' },
    summary: '{{ $labels.instance }} loses probes to its peers',
    description: 'More than 2 % of the probes do not come back: a link that is full, or faulty.',
  }),
  simple({
    ...{ name: 'PoplinPathWaiting', metric: 'poplin_peers_waiting', comparison: '> 0' },
    ...{ bad: 1, good: 0, for: '15m', severity: 'warning' },
    summary: '{{ $labels.instance }} cannot change to the configured backend',
    description:
      'The new path is prepared and no probe comes back over it; the one before stays in use. ' +
      'Usually the peer has not got the new configuration, or a firewall is in the way.',
  }),
  simple({
    ...{ name: 'PoplinPathMtuSmall', metric: 'poplin_peers_mtu_small', comparison: '> 0' },
    ...{ bad: 1, good: 0, for: '5m', severity: 'warning' },
    summary: 'A path of {{ $labels.instance }} takes smaller packets than both ends believe',
    description:
      'Pods are told to send less, so nothing is lost; the underlay has a link whose MTU is ' +
      'smaller than that of the nodes: correct it there, or set MTU in the configuration.',
  }),
];

const KEEPING: readonly Alert[] = [
  simple({
    ...{ name: 'PoplinConfigInvalid', metric: 'poplin_config_invalid', comparison: '== 1' },
    ...{ bad: 1, good: 0, for: '3m', severity: 'warning' },
    summary: 'The newest configuration is not in force on {{ $labels.instance }}',
    description:
      'The last good one goes on. "poplin status" names the key and what would be right.',
  }),
  simple({
    ...{ name: 'PoplinRepairFight', metric: 'poplin_repair_fights', comparison: '> 0' },
    ...{ bad: 1, good: 0, for: '5m', severity: 'warning' },
    summary: 'Somebody undoes what the agent of {{ $labels.instance }} puts right',
    description: 'Another network or a script of yours; "poplin status" names the objects.',
  }),
  {
    name: 'PoplinDrift',
    expr: 'sum by (instance) (increase(poplin_drift_repaired_total[1h])) > 20',
    ...{ for: '5m', severity: 'warning' },
    summary: 'Somebody keeps changing the network of {{ $labels.instance }}',
    description: 'All of it was put right within 100 ms; "poplin status" names the last objects.',
    fires: {
      series: { 'poplin_drift_repaired_total{instance="node1", object="route"}': '0+1x120' },
      ...{ at: '90m', labels: ON_NODE },
    },
    quiet: {
      series: { 'poplin_drift_repaired_total{instance="node1", object="route"}': '0x50 9x70' },
      at: '90m',
    },
  },
  {
    name: 'PoplinKernelRefuses',
    expr: 'increase(poplin_reconcile_failures_total[10m]) > 0',
    ...{ for: '10m', severity: 'critical' },
    summary: 'The kernel of {{ $labels.instance }} refuses changes',
    description: '"poplin status" has each with the error; a right may be missing, or a module.',
    fires: {
      series: { 'poplin_reconcile_failures_total{instance="node1"}': '0+1x60' },
      ...{ at: '30m', labels: ON_NODE },
    },
    quiet: {
      series: { 'poplin_reconcile_failures_total{instance="node1"}': '0x5 1x60' },
      at: '16m',
    },
  },
  {
    name: 'PoplinLoopStopped',
    expr: 'increase(poplin_reconcile_passes_total[30m]) == 0',
    ...{ for: '5m', severity: 'critical' },
    summary: 'The agent of {{ $labels.instance }} looks after nothing',
    description: 'It looks at the kernel every ten minutes at least. /healthz should say why.',
    fires: { series: steady('poplin_reconcile_passes_total', 7), at: '60m', labels: ON_NODE },
    quiet: {
      series: { 'poplin_reconcile_passes_total{instance="node1"}': '7x10 8x10 9x10 10x10 11x30' },
      at: '60m',
    },
  },
  {
    name: 'PoplinPassesSlow',
    expr:
      'histogram_quantile(0.9, sum by (instance, le) ' +
      '(rate(poplin_reconcile_duration_seconds_bucket[30m]))) > 1',
    ...{ for: '15m', severity: 'warning' },
    summary: 'Looking after the kernel takes {{ $labels.instance }} more than a second',
    description: 'The node has too little processor time, or far too many routes.',
    fires: {
      series: {
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="0.5"}': '0x120',
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="2"}': '0+1x120',
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="+Inf"}': '0+1x120',
      },
      ...{ at: '60m', labels: ON_NODE },
    },
    quiet: {
      series: {
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="0.5"}': '0+1x120',
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="2"}': '0+1x120',
        'poplin_reconcile_duration_seconds_bucket{instance="node1", le="+Inf"}': '0+1x120',
      },
      at: '60m',
    },
  },
  simple({
    ...{ name: 'PoplinDatastoreAway', metric: 'poplin_source_problem', comparison: '== 1' },
    ...{ bad: 1, good: 0, for: '10m', severity: 'warning' },
    summary: '{{ $labels.instance }} does not hear from the datastore',
    description: 'Pods go on and new ones start; changes of the cluster are not seen.',
  }),
  {
    name: 'PoplinVersionsDiffer',
    expr: 'count(count by (version) (poplin_build_info)) > 1',
    ...{ for: '30m', severity: 'warning' },
    summary: 'Agents of several versions run',
    description: 'An update that did not end: kubectl -n poplin rollout status ds/poplin.',
    fires: {
      series: {
        'poplin_build_info{instance="node1", version="1"}': '1x200',
        'poplin_build_info{instance="node2", version="2"}': '1x200',
      },
      ...{ at: '40m', labels: {} },
    },
    quiet: {
      series: {
        'poplin_build_info{instance="node1", version="1"}': '1x15 _x180',
        'poplin_build_info{instance="node2", version="2"}': '1x200',
        'poplin_build_info{instance="node1", version="2"}': '_x15 1x180',
      },
      at: '40m',
    },
  },
];

export type AlertGroup = { readonly name: string; readonly alerts: readonly Alert[] };

export const ALERT_GROUPS: readonly AlertGroup[] = [
  { name: 'poplin-reaching', alerts: REACHING },
  { name: 'poplin-keeping', alerts: KEEPING },
  { name: 'poplin-pods', alerts: PODS },
  { name: 'poplin-bgp', alerts: BGP },
];

export const ALERTS: readonly Alert[] = ALERT_GROUPS.flatMap(({ alerts }) => alerts);
