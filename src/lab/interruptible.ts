// The effects of a command that a signal may end: commands and waits end at once when it comes, and
// those that would follow do not begin, by throwing; so what has to be undone is undone on the way.

import type { LabEffects } from './up.ts';

export const interruptible = (effects: LabEffects, stop: AbortSignal): LabEffects => ({
  ...effects,
  run: (argv, options) => {
    stop.throwIfAborted();
    return effects.run(argv, { ...options, stop });
  },
  clock: {
    ...effects.clock,
    sleep: async (delayMs, own) => {
      await effects.clock.sleep(delayMs, own === undefined ? stop : AbortSignal.any([own, stop]));
      stop.throwIfAborted();
    },
  },
});
