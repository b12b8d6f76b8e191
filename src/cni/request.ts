// A CNI call as data: environment and stdin become one of the verbs, or the CNI error that says
// what is wrong. The order of the checks is that of the reference implementation (pkg/skel), since
// the runtime's authors test their runtimes against it. Pure.

import type { PortMapping } from '../endpoint/attachment.ts';
import type { AttachmentIdentity } from '../endpoint/identity.ts';
import type { PodName } from './cni-args.ts';
import { parseCniArgs } from './cni-args.ts';
import type { CniCode, CniFailure } from './errors.ts';
import { CNI_CODES, failure } from './errors.ts';
import type { CniFrame } from './frame.ts';
import type { NetworkConfig } from './network-config.ts';
import { NAME_PATTERN, parseNetworkConfig } from './network-config.ts';
import type { PodRequests } from './pod-requests.ts';
import { parsePodRequests } from './pod-requests.ts';
import type { CniVersion } from './version.ts';
import { isAtLeast } from './version.ts';

export const VERBS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Verb = (typeof VERBS)[number];

export type AddRequest = {
  readonly verb: 'ADD';
  readonly config: NetworkConfig;
  readonly identity: AttachmentIdentity;
  readonly netns: string;
  readonly pod?: PodName;
  readonly requests: PodRequests;
  readonly portMappings: readonly PortMapping[];
  /** CNI_NETNS_OVERRIDE: the plugin's own namespace is wanted after all. */
  readonly allowsOwnNetns: boolean;
  /** The executable lost the agent in the middle of this same call before. */
  readonly isRepeated: boolean;
};

export type DelRequest = {
  readonly verb: 'DEL';
  readonly config: NetworkConfig;
  readonly identity: AttachmentIdentity;
};

export type CheckRequest = {
  readonly verb: 'CHECK';
  readonly config: NetworkConfig;
  readonly identity: AttachmentIdentity;
  readonly netns: string;
};

export type GcRequest = { readonly verb: 'GC'; readonly config: NetworkConfig };
type StatusRequest = { readonly verb: 'STATUS'; readonly config: NetworkConfig };
type VersionRequest = { readonly verb: 'VERSION' };

export type CniRequest =
  | AddRequest
  | DelRequest
  | CheckRequest
  | GcRequest
  | StatusRequest
  | VersionRequest;

export type RequestParse =
  | { readonly kind: 'request'; readonly request: CniRequest }
  | { readonly kind: 'failed'; readonly failure: CniFailure };

const REQUIRED: Readonly<Record<Verb, readonly string[]>> = {
  ADD: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  DEL: ['CNI_CONTAINERID', 'CNI_IFNAME', 'CNI_PATH'],
  CHECK: ['CNI_CONTAINERID', 'CNI_NETNS', 'CNI_IFNAME', 'CNI_PATH'],
  GC: ['CNI_PATH'],
  STATUS: ['CNI_PATH'],
  VERSION: [],
};

/** The version of the specification that a verb came with. */
const SINCE: Readonly<Partial<Record<Verb, CniVersion>>> = {
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
};

/** IFNAMSIZ of linux/if.h without the NUL. */
const IF_NAME_MAX_BYTES = 15;

export function parseRequest(frame: CniFrame): RequestParse {
  const command = frame.environment.get('CNI_COMMAND') ?? '';
  const verb = VERBS.find((candidate) => candidate === command);
  if (verb === 'VERSION') return { kind: 'request', request: { verb } };
  const problem = checkEnvironment(frame.environment, verb);
  if (problem !== undefined) return { kind: 'failed', failure: problem };
  const config = parseNetworkConfig(frame.stdin, verb === 'DEL');
  if (config.kind === 'failed') return config;
  if (verb === undefined) {
    return refuse(CNI_CODES.environment, `unknown CNI_COMMAND: ${JSON.stringify(command)}`);
  }
  const since = SINCE[verb];
  if (since !== undefined && !isAtLeast(config.value.cniVersion, since)) {
    const details = `${config.value.cniVersion} is configured, ${verb} came with ${since}`;
    const message = `config version does not allow ${verb}`;
    return refuse(CNI_CODES.incompatibleVersion, message, details);
  }
  return parseVerb(frame, verb, config.value);
}

function checkEnvironment(
  environment: ReadonlyMap<string, string>,
  verb: Verb | undefined,
): CniFailure | undefined {
  if (verb === undefined) return undefined;
  const missing = REQUIRED[verb].filter((name) =>
    // An empty container id has an error code of its own below.
    name === 'CNI_CONTAINERID' ? !environment.has(name) : !environment.get(name),
  );
  if (missing.length > 0) {
    const details = `required env variables [${missing.join(',')}] missing`;
    return failure(CNI_CODES.environment, details);
  }
  if (!REQUIRED[verb].includes('CNI_CONTAINERID')) return undefined;
  return (
    checkContainerId(environment.get('CNI_CONTAINERID') ?? '') ??
    checkIfName(environment.get('CNI_IFNAME') ?? '')
  );
}

function checkContainerId(id: string): CniFailure | undefined {
  if (id === '') return failure(CNI_CODES.unknownContainer, 'CNI_CONTAINERID is empty');
  if (NAME_PATTERN.test(id)) return undefined;
  const details = 'letters, digits, "_", "." and "-" are allowed, a letter or digit first';
  const message = `CNI_CONTAINERID is ${JSON.stringify(id)}`;
  return failure(CNI_CODES.environment, message, details);
}

/** dev_valid_name of net/core/dev.c. */
function checkIfName(name: string): CniFailure | undefined {
  const isValid =
    Buffer.byteLength(name) <= IF_NAME_MAX_BYTES &&
    name !== '.' &&
    name !== '..' &&
    !/[/:\s]/.test(name);
  if (isValid) return undefined;
  const details = 'at most 15 bytes without "/", ":" and spaces, and not "." or ".."';
  return failure(CNI_CODES.environment, `CNI_IFNAME is ${JSON.stringify(name)}`, details);
}

function parseVerb(
  frame: CniFrame,
  verb: Exclude<Verb, 'VERSION'>,
  config: NetworkConfig,
): RequestParse {
  if (verb === 'GC' || verb === 'STATUS') return { kind: 'request', request: { verb, config } };
  const identity = {
    network: config.name,
    containerId: frame.environment.get('CNI_CONTAINERID') ?? '',
    ifName: frame.environment.get('CNI_IFNAME') ?? '',
  };
  const netns = frame.environment.get('CNI_NETNS') ?? '';
  if (verb === 'DEL') return { kind: 'request', request: { verb, config, identity } };
  if (verb === 'CHECK') return { kind: 'request', request: { verb, config, identity, netns } };
  const args = parseCniArgs(frame.environment.get('CNI_ARGS') ?? '');
  if (args.kind === 'failed') return args;
  if (config.unsupported.length > 0) {
    const message = `unsupported field: ${config.unsupported.join(', ')}`;
    return refuse(CNI_CODES.unsupportedField, message, 'Poplin cannot do this for a pod');
  }
  const asked = parsePodRequests(config, args.value);
  if (asked.kind === 'failed') return asked;
  if (config.portMappings.kind === 'failed') return config.portMappings;
  const override = frame.environment.get('CNI_NETNS_OVERRIDE')?.toUpperCase();
  return {
    kind: 'request',
    request: {
      verb,
      ...asked.value,
      identity,
      netns,
      ...(args.value.pod === undefined ? {} : { pod: args.value.pod }),
      portMappings: config.portMappings.value,
      allowsOwnNetns: override === 'TRUE' || override === '1',
      isRepeated: frame.isRepeated,
    },
  };
}

const refuse = (code: CniCode, message: string, details?: string): RequestParse => ({
  kind: 'failed',
  failure: failure(code, message, details),
});
