// The heap of this process, for whoever keeps it small (src/agent/heap-keeper.ts). Node.js has no
// call for a collection that gives memory back but the `gc` of --expose-gc; it is taken here
// without the flag, so that every way to start the agent has it.

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Heap } from '../agent/heap-keeper.ts';
import { trimAllocator } from '../kernel/libc.ts';
import { dropProgramText } from './program-text.ts';

type Collect = (options: { type: 'major'; flavor: 'last-resort' }) => void;

export function processHeap(): Heap {
  const collect = takeCollect();
  return {
    usedBytes: () => getHeapStatistics().used_heap_size,
    release: () => {
      collect({ type: 'major', flavor: 'last-resort' });
      trimAllocator();
      dropProgramText();
    },
  };
}

function takeCollect(): Collect {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as Collect;
  setFlagsFromString('--no-expose-gc');
  return collect;
}
