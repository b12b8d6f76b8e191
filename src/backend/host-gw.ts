// host-gw: a peer's subnet is routed straight to the peer's underlay address, without any wrapping.
// It works only where both nodes share a network segment, which the kernel's own route lookup tells
// (a peer that is behind a gateway would get packets that the gateway does not know).
//
// A packet's way: route 10.244.2.0/24 via 192.168.1.12 dev eth0; the peer forwards it to its pod.

import type { HostGwConfig } from '../config/config.ts';
import { FAMILIES } from '../net/family.ts';
import type { Backend, PathOffer } from './backend.ts';

export const hostGw: Backend<HostGwConfig> = {
  name: 'host-gw',

  receive({ local }) {
    // Who translates addresses would not know what to do with packets to pods.
    const families = FAMILIES.filter((family) =>
      local.underlays.some((by) => by.family === family && by.publicAddress === undefined),
    );
    return { links: [], receives: { 'host-gw': families.map((family) => ({ family })) } };
  },

  offer({ local }, { peer, reach, family, underlayAddress }): PathOffer {
    if (reach === undefined) {
      return { kind: 'unusable', reason: `${peer.name} has published no advert` };
    }
    if (underlayAddress === undefined) {
      return { kind: 'unusable', reason: `${peer.name} has no ${family} underlay address` };
    }
    if (!reach.hostGw.includes(family)) {
      return { kind: 'unusable', reason: `${peer.name} does not receive host-gw over ${family}` };
    }
    const lookup = local.lookups.get(underlayAddress);
    if (lookup?.kind !== 'onlink') {
      return { kind: 'unusable', reason: `not on a shared segment: ${describe(lookup)}` };
    }
    return {
      kind: 'usable',
      plan: {
        nexthop: { link: lookup.link, gateway: underlayAddress, onlink: false },
        neighbours: [],
        fdb: [],
      },
    };

    function describe(found: typeof lookup): string {
      switch (found?.kind) {
        case 'gateway':
          return `${peer.name} (${underlayAddress}) is behind the gateway ${found.gateway}`;
        case 'local':
          return `${peer.name}'s address ${underlayAddress} is this node's own`;
        default:
          return `this node has no route to ${peer.name} (${underlayAddress})`;
      }
    }
  },
};
