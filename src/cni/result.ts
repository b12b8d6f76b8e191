// The result of an ADD as JSON, in the version of the specification that the configuration names.
// It lists the host veth beside the pod's interface, since chained plugins (bandwidth, firewall)
// look for it. A result of plugins before us in the chain is kept and ours is added to it. Pure.

import type { Attachment } from '../endpoint/attachment.ts';
import { nearSubnets } from '../endpoint/attachment.ts';
import { GATEWAYS } from '../endpoint/gateway.ts';
import { ADDRESS_BITS } from '../net/family.ts';
import type { Ip } from '../net/ip.ts';
import { familyOf } from '../net/ip.ts';
import { OWN_METRIC } from '../state/own.ts';
import type { JsonObject, NetworkConfig } from './network-config.ts';
import { isObject } from './network-config.ts';
import type { CniVersion } from './version.ts';
import { isAtLeast } from './version.ts';

export function renderResult(attachment: Attachment, config: NetworkConfig): string {
  const { cniVersion } = config;
  const previous = config.prevResult ?? {};
  const interfaces = [...listIn(previous, 'interfaces'), ...interfacesOf(attachment, cniVersion)];
  // The pod's interface is the last one; `ips[].interface` counts from 0.
  const podInterface = interfaces.length - 1;
  const result = {
    ...previous,
    cniVersion,
    interfaces,
    ips: [
      ...listIn(previous, 'ips'),
      ...attachment.addresses.map((address) => ipOf(address, podInterface, cniVersion)),
    ],
    routes: [
      ...listIn(previous, 'routes'),
      ...attachment.addresses.flatMap((address) => routesOf(address, attachment, cniVersion)),
    ],
    ...dnsOf(previous, config),
  };
  return `${JSON.stringify(result)}\n`;
}

function interfacesOf(attachment: Attachment, version: CniVersion): JsonObject[] {
  const mtu = isAtLeast(version, '1.1.0') ? { mtu: attachment.linkMtuBytes } : {};
  return [
    { name: attachment.hostLink, mac: attachment.hostMac, ...mtu },
    { name: attachment.ifName, mac: attachment.podMac, ...mtu, sandbox: attachment.netns },
  ];
}

function ipOf(ip: Ip, podInterface: number, cniVersion: CniVersion): JsonObject {
  const family = familyOf(ip);
  return {
    ...(isAtLeast(cniVersion, '1.0.0') ? {} : { version: family === 'ipv4' ? '4' : '6' }),
    interface: podInterface,
    address: `${ip}/${ADDRESS_BITS[family]}`,
    gateway: GATEWAYS[family].address,
  };
}

/** As pod-side.ts makes them. */
function routesOf(ip: Ip, attachment: Attachment, cniVersion: CniVersion): JsonObject[] {
  const { anywhere, address: gw } = GATEWAYS[familyOf(ip)];
  const subnets = nearSubnets(attachment, ip);
  if (!isAtLeast(cniVersion, '1.1.0')) return [anywhere, ...subnets].map((dst) => ({ dst, gw }));
  const priority = OWN_METRIC;
  return [
    { dst: anywhere, gw, mtu: attachment.routeMtuBytes, priority },
    ...subnets.map((dst) => ({ dst, gw, priority })),
  ];
}

/** Results before 1.0.0 always carry `dns`, newer ones only when there is something in it. */
function dnsOf(previous: JsonObject, { dns, cniVersion }: NetworkConfig): JsonObject {
  for (const value of [dns, previous.dns]) {
    if (isObject(value) && Object.keys(value).length > 0) return { dns: value };
  }
  return isAtLeast(cniVersion, '1.0.0') ? {} : { dns: {} };
}

function listIn(result: JsonObject, key: string): readonly unknown[] {
  const list = result[key];
  return Array.isArray(list) ? (list as readonly unknown[]) : [];
}
