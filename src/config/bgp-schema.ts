// The key `BGP` of net-conf.json, each key alone; what concerns several of them is in
// bgp-check.ts. Limits are those of the protocol (AS numbers, communities), of BIRD 2 (times,
// hops, next hops) and of what a person can oversee. The error texts are what users read.

import * as z from 'zod';
import { parseIp } from '../net/ip.ts';
import {
  explainClusterId,
  explainCommunity,
  explainLabelSelector,
  explainNodeName,
  explainPeerName,
  explainSecretKey,
  explainSecretName,
} from './bgp-text.ts';
import { explainPrefix } from './prefix-text.ts';
import { about, flag, textThat, wholeNumber } from './schema-parts.ts';

const AS_MAX = 0xffff_fffe;
/** AS_TRANS (RFC 6793) and the last of two bytes (RFC 7300); 0 and the last of four are out. */
const AS_RESERVED: readonly number[] = [23_456, 65_535];
const AS_RIGHT = `must be a whole number from 1 to ${AS_MAX} except 23456 and 65535, as 64512`;
const AS_DEFAULT = 64_512;

/** TCP's port of BGP (RFC 4271). */
const BGP_PORT = 179;
const PORT_MAX = 65_535;
/** BIRD's, and that of the IP header. */
const HOPS_MAX = 255;
/** Twelve bits (RFC 4724). */
const RESTART_SECONDS_MAX = 4095;
const WAIT_SECONDS_MAX = 3600;
const LIMIT_MAX = 10_000_000;
/** Further next hops make routes of several kilobytes. */
const ECMP_PATHS_MAX = 64;
const U32_MAX = 0xffff_ffff;

const PEERS_MAX = 256;
const NAMES_MAX = 5000;
const RULES_MAX = 128;
const COMMUNITIES_MAX = 32;
const RANGES_MAX = 64;
const NODE_AS_MAX = 1024;

const asNumber = (): z.ZodInt =>
  z
    .int({ error: ({ input }) => (input === undefined ? `is needed, and ${AS_RIGHT}` : AS_RIGHT) })
    .min(1, { error: AS_RIGHT })
    .max(AS_MAX, { error: AS_RIGHT })
    .refine((number) => !AS_RESERVED.includes(number), {
      error: `is reserved and never that of a router: it ${AS_RIGHT}`,
    });

const text = (format: string, example: string, explain: (text: string) => string | undefined) =>
  textThat({ format, example }, explain);

const listOf = <T extends z.ZodType>(item: T, what: string, max: number) =>
  z
    .array(item, `must be a list of ${what}`)
    .max(max, `must have at most ${max} entries`)
    .default([]);

const communities = () =>
  listOf(text('a community', '64512:100', explainCommunity), 'communities', COMMUNITIES_MAX);

const ranges = () =>
  listOf(
    text('a network', '10.96.0.0/12', (value) => explainPrefix(value, '10.96.0.0/12')),
    'networks, for example ["10.96.0.0/12"]',
    RANGES_MAX,
  );

const address = (example: string) =>
  text('an IP address', example, (value) =>
    parseIp(value) === undefined ? `must be an IP address, for example "${example}"` : undefined,
  );

const passwordSecret = () =>
  z
    .strictObject(
      {
        Name: about(text('a name', 'bgp-passwords', explainSecretName), 'Name of the Secret.'),
        Key: about(text('a key', 'tor-a', explainSecretKey), 'Key of the Secret.'),
      },
      'must be an object, for example {"Name": "bgp-passwords", "Key": "tor-a"}',
    )
    .optional();

const nodeKeys = {
  NodeSelector: about(
    text('a label selector', 'rack=r1', explainLabelSelector).optional(),
    'Nodes with these labels.',
  ),
  NodeNames: about(
    z
      .array(text('a node', 'node-1', explainNodeName), 'must be a list of names, as ["node-1"]')
      .min(1, 'must name a node: without the key it is for all')
      .max(NAMES_MAX, `must have at most ${NAMES_MAX} entries`)
      .optional(),
    'Nodes of these names.',
  ),
};

const lengthBits = (of: string) =>
  wholeNumber(0, 128)
    .optional()
    .meta({ description: `${of} length of routes inside the prefix.` });

const ruleSchema = z.strictObject(
  {
    Action: about(
      z.enum(['accept', 'reject'], 'must be "accept" or "reject"'),
      'What becomes of a route that matches.',
    ),
    Prefix: about(
      text('a network', '172.20.0.0/16', (value) =>
        explainPrefix(value, '172.20.0.0/16'),
      ).optional(),
      'The route, or what it is inside of.',
    ),
    MinLength: lengthBits('Smallest'),
    MaxLength: lengthBits('Largest'),
    Communities: about(communities(), 'One of these is enough.'),
    Preference: about(wholeNumber(0, U32_MAX).optional(), 'Local preference of what is accepted.'),
  },
  'must be an object, for example {"Action": "accept", "Prefix": "172.20.0.0/16"}',
);

const rulesOf = <T extends z.ZodType>(rule: T) =>
  listOf(rule, 'rules, for example [{"Action": "reject", "Prefix": "172.20.0.0/16"}]', RULES_MAX);

const peerSchema = z.strictObject(
  {
    Name: about(text('a name', 'tor-a', explainPeerName).optional(), 'What status calls it.'),
    Address: about(address('192.168.1.1'), 'Where it is.'),
    AS: about(asNumber(), 'Its AS number.'),
    Port: about(wholeNumber(1, PORT_MAX).default(BGP_PORT), 'Its TCP port.'),
    ...nodeKeys,
    PasswordSecret: passwordSecret(),
    Multihop: about(
      z
        .union([z.literal(0), wholeNumber(2, HOPS_MAX, '0, or ')], {
          error: `must be 0, or a whole number from 2 to ${HOPS_MAX}`,
        })
        .default(0),
      'How many hops away it may be.',
    ),
    GTSM: about(flag().default(false), 'Whether packets from further away are ignored.'),
    BFD: about(flag().default(false), 'Whether its death is found by BFD.'),
    SourceAddress: about(address('192.168.1.11').optional(), 'From which address.'),
    AllowLocalAS: about(wholeNumber(0, 10).default(0), 'How often the own AS may be in a path.'),
    AcceptPods: about(flag().default(false), 'Whether subnets of other nodes are taken from it.'),
    AnnouncePods: about(flag().default(true), 'Whether it is told the node’s subnets.'),
    AnnounceServices: about(flag().default(true), 'Whether it is told the service ranges.'),
    ImportFilter: about(rulesOf(ruleSchema), 'What is taken from it.'),
    ExportFilter: about(rulesOf(ruleSchema.omit({ Preference: true })), 'What it is told.'),
    Communities: about(communities(), 'Attached to what it is told.'),
    ImportLimit: about(wholeNumber(1, LIMIT_MAX).default(10_000), 'Most routes taken from it.'),
  },
  'must be an object, for example {"Address": "192.168.1.1", "AS": 64512}',
);

const nodeAsSchema = z.strictObject(
  { AS: about(asNumber(), 'The AS number of these nodes.'), ...nodeKeys },
  'must be an object, for example {"NodeSelector": "rack=r1", "AS": 64601}',
);

const reflectorsSchema = z.strictObject(
  {
    ...nodeKeys,
    ClusterID: about(
      text('a cluster id', '10.0.0.1', explainClusterId).optional(),
      'The same on reflectors of one cluster.',
    ),
  },
  'must be an object, for example {"NodeSelector": "poplin.dev/reflector"}',
);

/** An object that may be left out, or be empty: its keys have defaults. */
const group = <T extends z.ZodObject>(schema: T) => schema.prefault({} as z.input<T>);

export const bgpSchema = group(
  z.strictObject(
    {
      AS: about(asNumber().default(AS_DEFAULT), 'AS number of the nodes.'),
      NodeAS: about(
        listOf(nodeAsSchema, 'objects as {"NodeSelector": "rack=r1", "AS": 64601}', NODE_AS_MAX),
        'Other AS numbers for some nodes.',
      ),
      Port: about(wholeNumber(1, PORT_MAX).default(BGP_PORT), 'TCP port of the nodes.'),
      FullMesh: about(flag().default(true), 'Whether all nodes have sessions with each other.'),
      RouteReflectors: about(reflectorsSchema.optional(), 'Nodes that pass on routes of others.'),
      NodePasswordSecret: passwordSecret(),
      Peers: about(
        listOf(peerSchema, 'objects as {"Address": "192.168.1.1", "AS": 64512}', PEERS_MAX),
        'Routers beside the nodes.',
      ),
      Communities: about(communities(), 'Attached to what peers are told.'),
      ServiceRanges: group(
        z.strictObject(
          { ClusterIP: ranges(), External: ranges(), LoadBalancer: ranges() },
          'must be an object, for example {"ClusterIP": ["10.96.0.0/12"]}',
        ),
      ),
      GracefulRestart: group(
        z.strictObject(
          {
            WaitSeconds: about(
              wholeNumber(1, WAIT_SECONDS_MAX).default(20),
              'How long BIRD waits.',
            ),
            RestartSeconds: about(
              wholeNumber(1, RESTART_SECONDS_MAX).default(120),
              'How long others wait for BIRD.',
            ),
          },
          'must be an object, for example {"WaitSeconds": 20}',
        ),
      ),
      BFD: group(
        z.strictObject(
          {
            IntervalMs: about(wholeNumber(50, 60_000).default(300), 'Time between two packets.'),
            Multiplier: about(wholeNumber(2, 50).default(3), 'How many may be missing.'),
          },
          'must be an object, for example {"IntervalMs": 300, "Multiplier": 3}',
        ),
      ),
      ECMPPaths: about(wholeNumber(1, ECMP_PATHS_MAX).default(1), 'Next hops of a route.'),
    },
    'must be an object, for example {"AS": 64512, "FullMesh": true}',
  ),
);

export type BgpConf = z.infer<typeof bgpSchema>;
export type BgpPeerConf = BgpConf['Peers'][number];
type ImportRuleConf = BgpPeerConf['ImportFilter'][number];
/** Of either direction; only what is taken has a preference. */
export type BgpRuleConf = Omit<ImportRuleConf, 'Preference'> & Partial<ImportRuleConf>;
export type BgpNodesConf = Pick<BgpPeerConf, 'NodeSelector' | 'NodeNames'>;
