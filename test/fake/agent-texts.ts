// What a test's agent says and holds, as short texts to compare.

import type { FakeAgent } from './agent.ts';

export const subnetsOf = ({ agent }: FakeAgent): string => agent.status().lease.subnets.join();
export const ownLines = (agent: FakeAgent): string =>
  agent
    .text()
    .split('\n')
    .filter((line) => /^(address .* dev lo|route .*unreachable)/.test(line))
    .join('\n');
