// Alerts about what pods get from a node, and about BGP. See alerts.ts.

import type { Alert } from './alert.ts';
import { ON_NODE, simple } from './alert.ts';

const cni = (verb: string, code: string): string =>
  `poplin_cni_duration_seconds_count{instance="node1", verb="${verb}", code="${code}"}`;
const bucket = (le: string): string =>
  `poplin_cni_duration_seconds_bucket{instance="node1", verb="ADD", code="0", le="${le}"}`;

export const PODS: readonly Alert[] = [
  {
    name: 'PoplinAddressesScarce',
    expr:
      'sum by (instance, family) (poplin_ipam_addresses{state!="used"}) / ' +
      'sum by (instance, family) (poplin_ipam_addresses) < 0.05',
    ...{ for: '15m', severity: 'warning' },
    summary: '{{ $labels.instance }} has few {{ $labels.family }} addresses left',
    description:
      'Less than 5 % are free, and no further subnet has come: the network is full, or podCIDRs ' +
      'give each node one alone (docs/configuration.md, SubnetSource).',
    fires: {
      series: {
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="used"}': '250x60',
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="free"}': '2x60',
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="resting"}': '1x60',
      },
      ...{ at: '30m', labels: { instance: 'node1', family: 'ipv4' } },
    },
    quiet: {
      series: {
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="used"}': '200x60',
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="free"}': '2x60',
        'poplin_ipam_addresses{instance="node1", family="ipv4", state="resting"}': '51x60',
      },
      at: '30m',
    },
  },
  {
    name: 'PoplinCniFailures',
    expr:
      'sum by (instance) (rate(poplin_cni_duration_seconds_count{verb="ADD",code!="0"}[10m])) / ' +
      'sum by (instance) (rate(poplin_cni_duration_seconds_count{verb="ADD"}[10m])) > 0.1',
    ...{ for: '10m', severity: 'critical' },
    summary: 'Pods do not start on {{ $labels.instance }}',
    description: 'More than one ADD in ten fails; "poplin status" has the last failure.',
    fires: {
      series: { [cni('ADD', '0')]: '0+4x60', [cni('ADD', '11')]: '0+1x60' },
      ...{ at: '30m', labels: ON_NODE },
    },
    quiet: {
      series: {
        [cni('ADD', '0')]: '0+40x60',
        [cni('ADD', '11')]: '0+1x60',
        [cni('STATUS', '50')]: '0+9x60',
      },
      at: '30m',
    },
  },
  {
    name: 'PoplinCniSlow',
    expr:
      'histogram_quantile(0.95, sum by (instance, le) ' +
      '(rate(poplin_cni_duration_seconds_bucket{verb="ADD",code="0"}[10m]))) > 1',
    ...{ for: '10m', severity: 'warning' },
    summary: 'Pods start slowly on {{ $labels.instance }}',
    description: 'ADD takes more than a second where 20 ms are usual: see processor and disk.',
    fires: {
      series: { [bucket('1')]: '0x60', [bucket('10')]: '0+2x60', [bucket('+Inf')]: '0+2x60' },
      ...{ at: '30m', labels: ON_NODE },
    },
    quiet: {
      series: { [bucket('1')]: '0+2x60', [bucket('10')]: '0+2x60', [bucket('+Inf')]: '0+2x60' },
      at: '30m',
    },
  },
];

export const BGP: readonly Alert[] = [
  simple({
    ...{ name: 'PoplinBirdMissing', metric: 'poplin_bird_missing', comparison: '== 1' },
    ...{ bad: 1, good: 0, for: '3m', severity: 'critical' },
    summary: 'No BIRD answers on {{ $labels.instance }}',
    description: 'Neighbours drop its routes when the restart time is over. See its container.',
  }),
  simple({
    ...{ name: 'PoplinBirdConfigPending', metric: 'poplin_bird_config_pending' },
    ...{ comparison: '== 1', bad: 1, good: 0, for: '10m', severity: 'warning' },
    summary: 'BIRD of {{ $labels.instance }} does not run by the newest configuration',
    description: '"poplin status" says why: refused, or taken back since all sessions were lost.',
  }),
  {
    name: 'PoplinBgpSessionDown',
    expr: 'poplin_bgp_session_up == 0',
    ...{ for: '5m', severity: 'warning' },
    summary: 'The BGP session of {{ $labels.instance }} with {{ $labels.neighbour }} is down',
    description: '"poplin status" has the last error and what usually is behind it.',
    fires: {
      series: { 'poplin_bgp_session_up{instance="node1", neighbour="192.0.2.1"}': '0x20' },
      ...{ at: '10m', labels: { instance: 'node1', neighbour: '192.0.2.1' } },
    },
    quiet: {
      series: { 'poplin_bgp_session_up{instance="node1", neighbour="192.0.2.1"}': '0 0 1x20' },
      at: '10m',
    },
  },
];
