// The network configuration list that the container runtime reads. `cniVersion` is 1.0.0, as
// containerd 1.7 and podman 4 fail every ADD with 1.1.0; `cniVersions` lets those that know the key
// (libcni 1.2 and later) choose the newest. Pure; cni/10-poplin.conflist is the same text.

import { SUPPORTED_VERSIONS } from './version.ts';

export const CONFLIST_NAME = '10-poplin.conflist';

/** Name of the network and of the executable. */
export const NETWORK_NAME = 'poplin';

/** What a runtime may ask for a pod; it hands over nothing else. */
const CAPABILITIES = ['bandwidth', 'dns', 'ips', 'mac', 'portMappings'] as const;

export const renderConflist = (): string =>
  `{
  "cniVersion": "1.0.0",
  "cniVersions": [${SUPPORTED_VERSIONS.map((version) => `"${version}"`).join(', ')}],
  "name": "${NETWORK_NAME}",
  "plugins": [
    {
      "type": "${NETWORK_NAME}",
      "capabilities": { ${CAPABILITIES.map((name) => `"${name}": true`).join(', ')} }
    }
  ]
}
`;
