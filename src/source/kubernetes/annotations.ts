// Names of the annotations that a Node carries for its peers: ours, and those by which Flannel's
// nodes know each other (pkg/subnet/kube/annotations.go). A user may give Flannel another prefix.

export const ADVERT_ANNOTATION = 'poplin.dev/advert';

/** What a node says of its own health. */
export const SUMMARY_ANNOTATION = 'poplin.dev/status';

export const FLANNEL_PREFIX = 'flannel.alpha.coreos.com';

/** Set to "true" by every node that takes part; others are not peers. */
export const FLANNEL_MANAGED = 'kube-subnet-manager';
export const FLANNEL_BACKEND_TYPE = 'backend-type';

/**
 * By family: the data of the backend, the address that peers send to, and the user's own words:
 * what they are to send to, and which address of the machine is to be used.
 */
export const FLANNEL_FAMILY = {
  ipv4: {
    data: 'backend-data',
    publicIp: 'public-ip',
    overwrite: 'public-ip-overwrite',
    nodePublicIp: 'node-public-ip',
  },
  ipv6: {
    data: 'backend-v6-data',
    publicIp: 'public-ipv6',
    overwrite: 'public-ipv6-overwrite',
    nodePublicIp: 'node-public-ipv6',
  },
} as const;
