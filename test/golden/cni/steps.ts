// Carries out CNI calls one after the other on a node in memory, and writes down what the runtime
// gets: exit code and stdout.

import type { FakeCall } from '../../fake/cni-node.ts';
import { FakeCniNode, READY } from '../../fake/cni-node.ts';

export type Step = readonly [
  title: string,
  verb: string,
  call?: FakeCall,
  prepare?: (node: FakeCniNode) => void,
];

export async function runSteps(steps: readonly Step[]): Promise<string> {
  const node = new FakeCniNode();
  const lines: string[] = [];
  for (const [title, verb, call, prepare] of steps) {
    prepare?.(node);
    let isOver = false;
    const running = node.call(verb, call).finally(() => {
      isOver = true;
    });
    // An ADD on a node that is not ready waits 20 s.
    for (let waits = 0; waits < 1000 && !isOver; waits += 1) await node.clock.advance(50);
    const { exitCode, stdout } = await running;
    const said = stdout === '' ? [] : [stdout.trim()];
    lines.push(`# ${title}`, `${verb} → ${exitCode}`, ...said, '');
    node.readiness = READY;
    node.files.refusal = undefined;
  }
  return lines.join('\n');
}
