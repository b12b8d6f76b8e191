// The network configuration on stdin, as far as it matters here. Keys that are not known are left
// alone: runtimes and libcni add their own (`capabilities`, `cni.dev/…`). Everything under
// `runtimeConfig` is read without regard to case, since containerd sends Go's field names
// (`IngressRate`) where CRI-O and podman send JSON's (`ingressRate`).

import type { PortMapping } from '../endpoint/attachment.ts';
import type { CniFailure } from './errors.ts';
import { CNI_CODES, failure } from './errors.ts';
import { parsePortMappings } from './port-mappings.ts';
import type { CniVersion } from './version.ts';
import { isSupported, SUPPORTED_VERSIONS, VERSION_WHEN_ABSENT } from './version.ts';

export type JsonObject = { readonly [key: string]: unknown };

type AttachmentName = { readonly containerId: string; readonly ifName: string };

export type NetworkConfig = {
  readonly cniVersion: CniVersion;
  readonly name: string;
  readonly dns?: JsonObject;
  readonly prevResult?: JsonObject;
  /** `cni.dev/valid-attachments`; absent unless the runtime sent it. */
  readonly validAttachments?: readonly AttachmentName[];
  /** What the runtime says of this pod by capability, and by `args.cni`: pod-requests.ts. */
  readonly runtimeConfig?: JsonObject;
  readonly cniArgs?: JsonObject;
  /** Requests that cannot be met here, as `key=value`; ADD refuses them. */
  readonly unsupported: readonly string[];
  /** Judged by ADD alone: whatever they are, a pod must be removable. */
  readonly portMappings: Parsed<readonly PortMapping[]>;
};

export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'failed'; readonly failure: CniFailure };

/** Container ids and network names (specification, sections 1 and 2). */
export const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** Requests by capability that would be silently ignored otherwise. */
const UNSUPPORTED_CAPABILITIES = ['deviceid', 'infinibandguid', 'ipranges'] as const;

/** Nobody nests a configuration like that, and what looks into one must come to an end. */
const LEVELS_MAX = 64;

/** `isLenient`: what does not say which network it is may be of any form, as for a DEL. */
export function parseNetworkConfig(stdin: Buffer, isLenient = false): Parsed<NetworkConfig> {
  const json = parseJson(stdin);
  if (json.kind === 'failed') return json;
  const isDeep = isDeeperThan(LEVELS_MAX, json.value);
  if (isDeep && !isLenient) return tooDeep();
  const config = isDeep ? withoutObjects(json.value) : json.value;
  const name = config.name;
  if (typeof name !== 'string' || !NAME_PATTERN.test(name)) {
    return invalid('name', name, 'letters, digits, "_", "." and "-", a letter or digit first');
  }
  const version = parseVersion(config.cniVersion);
  if (version.kind === 'failed') return version;
  const known = { name, cniVersion: version.value };
  const rest = parseRest(config, known);
  if (rest.kind === 'ok' || !isLenient) return rest;
  const nothing = { unsupported: [], portMappings: { kind: 'ok', value: [] } } as const;
  return { kind: 'ok', value: { ...known, ...nothing } };
}

/** The version that an error about this configuration is written in, if it has a usable one. */
export function versionIn(stdin: Buffer): CniVersion | undefined {
  const json = parseJson(stdin);
  if (json.kind === 'failed') return undefined;
  const version = json.value.cniVersion;
  return typeof version === 'string' && isSupported(version) ? version : undefined;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseJson(stdin: Buffer): Parsed<JsonObject> {
  try {
    const json: unknown = JSON.parse(stdin.toString('utf8'));
    if (isObject(json)) return { kind: 'ok', value: json };
    return decodeFailure('it is not an object');
  } catch (error) {
    return decodeFailure(error instanceof Error ? error.message : String(error));
  }
}

function isDeeperThan(levels: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner));
}

const withoutObjects = (config: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => typeof value !== 'object'));

function tooDeep(): Parsed<never> {
  const details = `it is nested deeper than ${LEVELS_MAX} levels`;
  const message = 'invalid network configuration';
  return { kind: 'failed', failure: failure(CNI_CODES.invalidConfig, message, details) };
}

const decodeFailure = (details: string): Parsed<never> => ({
  kind: 'failed',
  failure: failure(CNI_CODES.decode, 'the network configuration is not JSON', details),
});

function parseVersion(value: unknown): Parsed<CniVersion> {
  const text = value === undefined || value === '' ? VERSION_WHEN_ABSENT : value;
  if (typeof text === 'string' && isSupported(text)) return { kind: 'ok', value: text };
  const supported = JSON.stringify(SUPPORTED_VERSIONS);
  const details = `config is ${JSON.stringify(text)}, plugin supports ${supported}`;
  const message = 'incompatible CNI versions';
  return { kind: 'failed', failure: failure(CNI_CODES.incompatibleVersion, message, details) };
}

function parseRest(
  config: JsonObject,
  known: Pick<NetworkConfig, 'name' | 'cniVersion'>,
): Parsed<NetworkConfig> {
  const { dns, prevResult, runtimeConfig, args } = config;
  if (isGiven(dns) && !isObject(dns)) return invalid('dns', dns, 'an object');
  if (isGiven(prevResult) && !isObject(prevResult)) {
    return invalid('prevResult', prevResult, 'a CNI result');
  }
  if (isGiven(runtimeConfig) && !isObject(runtimeConfig)) {
    return invalid('runtimeConfig', runtimeConfig, 'an object');
  }
  const attachments = parseAttachments(config);
  if (attachments.kind === 'failed') return attachments;
  return {
    kind: 'ok',
    value: {
      ...known,
      ...(isObject(dns) ? { dns } : {}),
      ...(isObject(prevResult) ? { prevResult } : {}),
      ...(attachments.value === undefined ? {} : { validAttachments: attachments.value }),
      ...(isObject(runtimeConfig) ? { runtimeConfig } : {}),
      ...(isObject(args) && isObject(args.cni) ? { cniArgs: args.cni } : {}),
      unsupported: unsupportedCapabilities(runtimeConfig),
      portMappings: parsePortMappings(runtimeConfig),
    },
  };
}

/** Newer libcni writes `valid-attachments`, older ones `attachments` as well (libcni #1101). */
function parseAttachments(config: JsonObject): Parsed<readonly AttachmentName[] | undefined> {
  const key =
    config['cni.dev/valid-attachments'] === undefined
      ? 'cni.dev/attachments'
      : 'cni.dev/valid-attachments';
  const list = config[key];
  if (list === undefined) return { kind: 'ok', value: undefined };
  // Go writes an empty list as null.
  if (list === null) return { kind: 'ok', value: [] };
  if (!Array.isArray(list)) return invalid(key, list, 'a list of {containerID, ifname}');
  const names: AttachmentName[] = [];
  for (const item of list as readonly unknown[]) {
    if (!isObject(item) || typeof item.containerID !== 'string' || typeof item.ifname !== 'string')
      return invalid(key, item, 'a list of {containerID, ifname}');
    names.push({ containerId: item.containerID, ifName: item.ifname });
  }
  return { kind: 'ok', value: names };
}

function unsupportedCapabilities(runtimeConfig: unknown): string[] {
  if (!isObject(runtimeConfig)) return [];
  const unsupported: readonly string[] = UNSUPPORTED_CAPABILITIES;
  return Object.entries(runtimeConfig)
    .filter(([key, value]) => unsupported.includes(key.toLowerCase()) && asksForSomething(value))
    .map(([key, value]) => `runtimeConfig.${key}=${JSON.stringify(value)}`);
}

function asksForSomething(value: unknown): boolean {
  if (!isGiven(value) || value === '' || value === 0) return false;
  return typeof value === 'object' ? Object.values(value).some(asksForSomething) : true;
}

export const isGiven = <T>(value: T): value is NonNullable<T> =>
  value !== undefined && value !== null;

function invalid(key: string, value: unknown, right: string): Parsed<never> {
  const details = `${key} is ${JSON.stringify(value) ?? 'missing'}; it must be ${right}`;
  const message = 'invalid network configuration';
  return { kind: 'failed', failure: failure(CNI_CODES.invalidConfig, message, details) };
}
