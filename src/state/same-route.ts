// Whether a route that is there is the one that is wanted. Those that no route of ours is like, as
// of several nexthops, are compared as well: what BIRD leads over is copied for probes.

import type { Route, RouteVia } from './kernel-state.ts';
import { printVia } from './print.ts';

export function sameRoute(wanted: Route, current: Route): boolean {
  return (
    wanted.protocol === current.protocol &&
    wanted.source === current.source &&
    wanted.mtuBytes === current.mtuBytes &&
    sameVia(wanted.via, current.via)
  );
}

function sameVia(wanted: RouteVia, current: RouteVia): boolean {
  if (wanted.kind === 'unreachable' || current.kind === 'unreachable') {
    return wanted.kind === current.kind;
  }
  if (wanted.kind === 'multipath' || current.kind === 'multipath') {
    return printVia(wanted) === printVia(current);
  }
  if (wanted.kind !== current.kind || wanted.link !== current.link) return false;
  if (wanted.kind === 'link' || current.kind === 'link') return true;
  if (wanted.gateway !== current.gateway) return false;
  if (wanted.kind === 'gateway' && current.kind === 'gateway') {
    return wanted.onlink === current.onlink;
  }
  return true;
}
