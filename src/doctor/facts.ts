// What the doctor knows of a node when it judges. Everything is plain data, gathered before by
// src/doctor/gather; whatever could not be learned says why, so that a check which depends on it is
// named as skipped and never taken for passed.

import type { Status } from '../agent/status.ts';
import type { ClusterNode } from '../cluster/node.ts';
import type { Config } from '../config/config.ts';
import type { RulesetChain } from '../desired/nft-ruleset.ts';
import type { Cidr } from '../net/cidr.ts';
import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import type { KernelState } from '../state/kernel-state.ts';

export type Known<Value> =
  | { readonly known: true; readonly value: Value }
  | { readonly known: false; readonly why: string };

export const known = <Value>(value: Value): Known<Value> => ({ known: true, value });
export const unknown = (why: string): Known<never> => ({ known: false, why });

/** A UDP socket of this network namespace. */
export type UdpSocket = {
  readonly port: number;
  /** `PID (name)`; '' for the kernel's own, and where processes cannot be seen. */
  readonly holder: string;
};

/** A file of the directory that the runtime takes its network from. */
export type CniFile = {
  readonly name: string;
  /** Of the network; '' where the file is not understood. */
  readonly network: string;
  readonly plugins: readonly string[];
};

/** Packets that came in, and of these those whose checksum was wrong. */
export type Checksums = { readonly all: number; readonly wrong: number };

/** Since the node's or the pod's start. */
export type ChecksumCount = Checksums & {
  /** `node`, or the pod. */
  readonly place: string;
  readonly protocol: 'TCP' | 'UDP' | 'ICMP';
  /** Of these while the doctor looked; absent where it had no reason to look twice. */
  readonly meanwhile?: Checksums;
};

export type DroppedByFilter = {
  /** Packets since the node's start that reverse-path filters dropped. */
  readonly total: number;
  /** Of these while the doctor looked. */
  readonly meanwhile: number;
};

/** Something that the agent asks of the Kubernetes API: `patch nodes/status`. */
export type Permission = { readonly action: string; readonly isFor: string };

/** Of the datastore: the Kubernetes API, or etcd, which has no permissions to ask for. */
export type ApiFacts = {
  /** Where it was asked: `http://HOST:PORT`. */
  readonly server: string;
  /** Why it did not answer, in words; '' when it did. */
  readonly problem: string;
  /** By how much this node's wall clock is ahead of the server's; undefined where it says none. */
  readonly aheadMs?: number;
  readonly denied: readonly Permission[];
  /** Why permissions could not be asked for; '' when they were. */
  readonly unasked: string;
};

export type KernelFeature = {
  readonly feature: string;
  readonly isFor: string;
  /** Why it does not work; '' when it does. */
  readonly problem: string;
  readonly isNeeded: boolean;
};

export type DuplicateAddress = {
  readonly address: Ip;
  readonly link: string;
  /** Of the other machine. */
  readonly mac: Mac;
};

/** What kube-proxy takes for pods' addresses, and where that was seen. */
export type ClusterCidr = { readonly cidr: Cidr; readonly seenIn: string };

export type Facts = {
  /** '' where nobody has told. */
  readonly node: string;
  readonly agent: Known<Status>;
  readonly config: Known<Config>;
  /** Whether Kubernetes is the datastore, or etcd. */
  readonly datastore: 'kubernetes' | 'etcd';
  readonly kernel: Known<KernelState>;
  readonly rules: Known<readonly RulesetChain[]>;
  readonly udpSockets: Known<readonly UdpSocket[]>;
  readonly cniFiles: Known<readonly CniFile[]>;
  readonly checksums: Known<readonly ChecksumCount[]>;
  readonly droppedByFilter: Known<DroppedByFilter>;
  readonly api: Known<ApiFacts>;
  /** As the agent remembers them on disk; without the own one. */
  readonly peers: Known<readonly ClusterNode[]>;
  /** Underlay addresses of peers whose paths are silent: whether they answer a ping. */
  readonly pings: ReadonlyMap<Ip, boolean>;
  readonly duplicates: Known<readonly DuplicateAddress[]>;
  readonly features: Known<readonly KernelFeature[]>;
  /** By its command line, where processes can be seen. */
  readonly kubeProxy: readonly ClusterCidr[];
};
