// BIRD beside the agent, for backend bgp: a container of its own, so that neither's end is the
// other's. Its first process is scripts/bird-run.sh, which turns SIGTERM into a graceful restart:
// peers keep the routes meanwhile. Tests run BIRD with these capabilities, and with one fewer.

import { hardened } from './hardened.ts';
import type { Parameters } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

export const BIRD_CAPABILITIES: readonly { readonly name: string; readonly reason: string }[] = [
  { name: 'NET_ADMIN', reason: 'routes of the kernel' },
  { name: 'NET_BIND_SERVICE', reason: 'port 179' },
  {
    name: 'NET_RAW',
    reason: 'on Linux before 5.7 sockets bound to a link, as those of BFD are',
  },
];

export const birdContainer = ({ birdImage, pullPolicy, birdResources }: Parameters): Yaml => ({
  name: 'bird',
  image: birdImage,
  imagePullPolicy: pullPolicy,
  resources: birdResources,
  securityContext: {
    ...hardened(),
    capabilities: {
      drop: ['ALL'],
      add: BIRD_CAPABILITIES.map(({ name, reason }) => note(`${name}: ${reason}.`, name)),
    },
  },
  terminationMessagePolicy: 'FallbackToLogsOnError',
  volumeMounts: [
    note('The agent writes bird.conf there and speaks to the control socket.', {
      ...{ name: 'bird', mountPath: '/run/poplin/bird' },
    }),
  ],
});
