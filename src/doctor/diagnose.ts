// Asks every check, in a literal list, and puts together what they say. The last check speaks only
// when no other has found an error: what the agent says of itself is then all that there is. Pure.

import { agent } from './checks/agent.ts';
import { bgp } from './checks/bgp.ts';
import { checksum } from './checks/checksum.ts';
import { clock } from './checks/clock.ts';
import { config } from './checks/config.ts';
import { conflist } from './checks/conflist.ts';
import { datastore } from './checks/datastore.ts';
import { duplicateAddress } from './checks/duplicate-address.ts';
import { forwardDrop } from './checks/forward-drop.ts';
import { ipForward } from './checks/ip-forward.ts';
import { kernelFeatures } from './checks/kernel-features.ts';
import { kubeProxy } from './checks/kube-proxy.ts';
import { leftovers } from './checks/leftovers.ts';
import { node } from './checks/node.ts';
import { pathMtu } from './checks/path-mtu.ts';
import { peerSilent } from './checks/peer-silent.ts';
import { permissions } from './checks/permissions.ts';
import { rpFilter } from './checks/rp-filter.ts';
import { sourceCheck } from './checks/source-check.ts';
import { udpPortBlocked } from './checks/udp-port-blocked.ts';
import { udpPortTaken } from './checks/udp-port-taken.ts';
import type { Facts } from './facts.ts';
import type { Diagnosis, Finding, Verdict } from './finding.ts';
import { isSkipped } from './finding.ts';
import type { CheckName } from './names.ts';
import { CHECK_NAMES } from './names.ts';

type Judge = (facts: Facts) => Verdict;

const JUDGES: Readonly<Record<Exclude<CheckName, 'node'>, Judge>> = {
  agent,
  datastore,
  permissions,
  config,
  clock,
  'kernel-features': kernelFeatures,
  conflist,
  leftovers,
  'ip-forward': ipForward,
  'rp-filter': rpFilter,
  'udp-port-taken': udpPortTaken,
  'udp-port-blocked': udpPortBlocked,
  'forward-drop': forwardDrop,
  'source-check': sourceCheck,
  'path-mtu': pathMtu,
  checksum,
  'duplicate-address': duplicateAddress,
  'kube-proxy': kubeProxy,
  bgp,
  'peer-silent': peerSilent,
};

export function diagnose(facts: Facts, version: string): Diagnosis {
  const findings: Finding[] = [];
  const skipped: { check: CheckName; why: string }[] = [];
  for (const check of CHECK_NAMES) {
    const verdict = check === 'node' ? node(facts, findings) : JUDGES[check](facts);
    if (isSkipped(verdict)) skipped.push({ check, why: verdict.skipped });
    else findings.push(...verdict.map((found) => ({ check, ...found })));
  }
  const healthy = findings.length === 0;
  return { schema: 1, version, node: facts.node, healthy, findings, skipped };
}
