// The catalogue of operating errors. A code is stable: users search for it, and docs/errors.md has
// a section for each (held equal by test/tidy.test.ts). Whether an error is retryable is decided
// here and nowhere else.

export type ErrorDefinition = { readonly summary: string; readonly retryable: boolean };

export const ERROR_CODES = {
  USAGE: { summary: 'The command line is not understood.', retryable: false },
  CONFIG_INVALID: { summary: 'net-conf.json does not describe a network.', retryable: false },
  NETLINK: { summary: 'The kernel refused a netlink request.', retryable: true },
  NETLINK_DECODE: { summary: 'A netlink message could not be understood.', retryable: false },
  SYSCALL: { summary: 'A system call failed.', retryable: true },
  NETNS: { summary: 'A network namespace could not be entered.', retryable: false },
  NFT: { summary: 'nft refused the rules.', retryable: true },
  FILE: { summary: 'A file could not be read or written.', retryable: true },
  ETCD: { summary: 'etcd did not do what was asked.', retryable: true },
  KUBERNETES_API: { summary: 'The Kubernetes API did not do what was asked.', retryable: true },
  KUBECONFIG: { summary: 'The kubeconfig or service account is not usable.', retryable: false },
  BIRD: { summary: 'BIRD did not do what was asked.', retryable: true },
  LAB: { summary: 'A lab could not be made, used or removed.', retryable: false },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof ERROR_CODES;
