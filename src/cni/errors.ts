// CNI errors as values. The codes below 100 are the specification's (section 5, "Error"), those
// from 100 on are ours. No runtime acts on a code: all that a user ever sees is `msg; details`, so
// the diagnosis belongs there.

export const CNI_CODES = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decode: 6,
  invalidConfig: 7,
  /** Only in libcni: the namespace is the plugin's own, or none at all. */
  invalidNetns: 8,
  tryAgainLater: 11,
  notAvailable: 50,
  /** Not available, and existing containers may reach less than they should. */
  limitedConnectivity: 51,
  /** The kernel refused a change. */
  kernel: 100,
  /** The interface is in the namespace already, and is not ours to take. */
  interfaceExists: 101,
  /** An ADD of this container and interface has succeeded before. */
  attachmentExists: 102,
  /** CHECK found something missing or changed. */
  notAsAdded: 103,
  /** Another pod holds a port of the node that this one asks for. */
  hostPortTaken: 104,
  internal: 999,
} as const;

export type CniCode = (typeof CNI_CODES)[keyof typeof CNI_CODES];

export type CniFailure = {
  readonly code: CniCode;
  readonly message: string;
  readonly details?: string;
};

export const failure = (code: CniCode, message: string, details?: string): CniFailure => ({
  code,
  message,
  ...(details === undefined ? {} : { details }),
});

/** What a verb comes to; `stdout` is '' where the specification wants none. */
export type Verdict =
  | { readonly kind: 'done'; readonly stdout: string }
  | { readonly kind: 'failed'; readonly failure: CniFailure };

export const done = (stdout = ''): Verdict => ({ kind: 'done', stdout });

export const failed = (code: CniCode, message: string, details?: string): Verdict => ({
  kind: 'failed',
  failure: failure(code, message, details),
});

/** The error object that libcni reads from stdout. */
export const renderFailure = ({ code, message, details }: CniFailure, cniVersion: string): string =>
  `${JSON.stringify({ cniVersion, code, msg: message, details: details ?? '' })}\n`;
