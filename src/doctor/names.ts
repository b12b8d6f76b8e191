// The names of the doctor's checks, in the order in which their findings are shown: the causes
// first that others follow from. docs/doctor.md has a row for each (held equal by a test).

export const CHECK_NAMES = [
  'agent',
  'datastore',
  'permissions',
  'config',
  'clock',
  'kernel-features',
  'conflist',
  'leftovers',
  'ip-forward',
  'rp-filter',
  'udp-port-taken',
  'udp-port-blocked',
  'forward-drop',
  'source-check',
  'path-mtu',
  'checksum',
  'duplicate-address',
  'kube-proxy',
  'bgp',
  'peer-silent',
  'node',
] as const;

export type CheckName = (typeof CHECK_NAMES)[number];
