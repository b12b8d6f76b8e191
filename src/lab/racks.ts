// A routed lab on backend bgp: each segment is a rack with an AS of its own, and with a router
// (ToR) that speaks BGP with the rack's nodes and with the routers of the other racks. Which AS is
// whose, the labels of the Nodes, the key BGP of net-conf.json and the routers' bird.conf follow
// from the specification alone. Pure.

import { cidrFamily } from '../net/cidr.ts';
import type { LabNode, LabPlan, LabSpec, Segment } from './plan.ts';

const RACK_LABEL = 'poplin.dev/lab-rack';
const REFLECTOR_LABEL = 'poplin.dev/lab-reflector';
/** Private AS numbers (RFC 6996): of the routers, and of the nodes of a rack. */
const ROUTER_AS_BASE = 65_000;
const NODE_AS_BASE = 65_100;
const ROUTER_ID_BASE = '10.255.0.';
/** The routers share one namespace: each has a table, and a rule that leads to it. */
const TABLE_BASE = 200;

const rackName = (index: number): string => `r${index + 1}`;

/** Beside the lab's own label. */
export function nodeLabels(plan: LabPlan, node: LabNode): Readonly<Record<string, string>> {
  const isReflector = plan.nodes.indexOf(node) < (plan.spec.reflectorCount ?? 0);
  return {
    ...(plan.segments.length === 1 ? {} : { [RACK_LABEL]: rackName(rackOf(plan, node)) }),
    ...(isReflector ? { [REFLECTOR_LABEL]: 'true' } : {}),
  };
}

const rackOf = ({ segments }: LabPlan, { segment }: LabNode): number => segments.indexOf(segment);

/** The key BGP; undefined where the defaults, a full mesh, are meant. */
export function bgpConfOf(plan: LabPlan): Readonly<Record<string, unknown>> | undefined {
  const { spec } = plan;
  if (hasRouters(spec)) {
    const racks = plan.segments.map((segment, index) => ({ segment, index }));
    const selector = (index: number) => ({ NodeSelector: `${RACK_LABEL}=${rackName(index)}` });
    return {
      FullMesh: false,
      NodeAS: racks.map(({ index }) => ({ ...selector(index), AS: NODE_AS_BASE + index })),
      Peers: racks.flatMap(({ segment, index }) =>
        segment.routerAddresses.map((Address, family) => ({
          Name: `tor-${rackName(index)}-${family}`,
          // The router tells it of all nodes: those of the rack too, which have the same AS.
          ...{ Address, AS: ROUTER_AS_BASE + index, BFD: true, AllowLocalAS: 1 },
          AcceptPods: true,
          ...selector(index),
        })),
      ),
    };
  }
  if ((spec.reflectorCount ?? 0) === 0) return undefined;
  return { FullMesh: false, RouteReflectors: { NodeSelector: `${REFLECTOR_LABEL}=true` } };
}

/** What lies between the racks routes by BGP only where the nodes do as well. */
export const hasRouters = (spec: LabSpec): boolean =>
  String(spec.backend) === 'bgp' && spec.underlay === 'routed';

/** Arguments of `ip`, in the fabric's namespace. */
export const renderRouterRules = (plan: LabPlan): string[][] =>
  plan.segments.flatMap((_, index) => {
    const [preference, table] = [`${TABLE_BASE + index}`, `${TABLE_BASE + index}`];
    const rule = ['rule', 'add', 'pref', preference, 'lookup', table];
    return [
      ['-4', ...rule],
      ['-6', ...rule],
    ];
  });

/** bird.conf of a rack's router: the nodes of the rack, and the routers of the others. */
export function renderRouter(plan: LabPlan, index: number): string {
  const segment = plan.segments[index];
  if (segment === undefined) return '';
  const as = ROUTER_AS_BASE + index;
  const blocks = segment.routerAddresses.map((address, position) => {
    const network = segment.networks[position];
    const pods = plan.spec.podNetworks[position];
    const v = network !== undefined && cidrFamily(network) === 'ipv6' ? 6 : 4;
    const others = plan.segments.flatMap((other, at) =>
      at === index ? [] : [renderOther(other, { at, position, v, address, as })],
    );
    const members = plan.nodes
      .filter((node) => node.segment === segment)
      .map((node) => {
        const neighbour = `neighbor ${node.addresses[position]} as ${NODE_AS_BASE + index}`;
        return `protocol bgp ${node.name}_${v} from node${v} { ${neighbour}; }`;
      });
    return `ipv${v} table rack${v};
protocol direct direct${v} { ipv${v} { table rack${v}; }; interface "${segment.bridge}"; }
protocol kernel kernel${v} { kernel table ${TABLE_BASE + index}; scan time 10;
  ipv${v} { table rack${v}; import none;
    export filter { if source = RTS_BGP && bgp_path.len = 1 then accept; reject; }; }; }
template bgp node${v} { local ${address} as ${as}; strict bind; passive; bfd graceful;
  graceful restart on; error wait time 1,4;
  ipv${v} { table rack${v}; import where net ~ [ ${pods}+ ]; export where net ~ [ ${pods}+ ];
    next hop self; }; }
${[...members, ...others].join('\n')}`;
  });
  return `log stderr all;
router id ${ROUTER_ID_BASE}${index + 1};
graceful restart wait 5;
protocol device { scan time 10; }
protocol bfd { strict bind yes; interface "${segment.bridge}" { interval 300 ms; multiplier 3; }; }
${blocks.join('\n')}
`;
}

type Between = {
  readonly at: number;
  readonly position: number;
  readonly v: 4 | 6;
  readonly address: string;
  readonly as: number;
};

const renderOther = (other: Segment, { at, position, v, address, as }: Between): string =>
  `protocol bgp other${v}_${rackName(at)} { local ${address} as ${as}; strict bind; multihop 2;
  neighbor ${other.routerAddresses[position]} as ${ROUTER_AS_BASE + at};
  connect delay time 1; connect retry time 2; error wait time 1,4;
  ipv${v} { table rack${v}; import all; export where source = RTS_BGP && bgp_path.len = 1;
    next hop self; }; }`;
