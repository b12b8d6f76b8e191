// BIRD beside the agent, for backend bgp: a container of its own, so that neither's end is the
// other's. The image's stop signal is SIGKILL: peers then keep BIRD's routes for a graceful
// restart, where SIGTERM would withdraw them all.

import { hardened } from './hardened.ts';
import type { Parameters } from './parameters.ts';
import type { Yaml } from './yaml.ts';
import { note } from './yaml.ts';

export const birdContainer = ({ birdImage, pullPolicy, birdResources }: Parameters): Yaml => ({
  name: 'bird',
  image: birdImage,
  imagePullPolicy: pullPolicy,
  resources: birdResources,
  securityContext: {
    ...hardened(),
    capabilities: {
      drop: ['ALL'],
      add: [
        note('NET_ADMIN: routes of the kernel.', 'NET_ADMIN'),
        note('NET_BIND_SERVICE: port 179.', 'NET_BIND_SERVICE'),
        note(
          'NET_RAW: sockets bound to a link, for BFD and for peers with a link-local address.',
          'NET_RAW',
        ),
      ],
    },
  },
  terminationMessagePolicy: 'FallbackToLogsOnError',
  volumeMounts: [
    note('The agent writes bird.conf there and speaks to the control socket.', {
      ...{ name: 'bird', mountPath: '/run/poplin/bird' },
    }),
  ],
});
