// Shared by the tests of refused configurations: a table of texts, each with the exact lines that
// `config check` prints for it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/config/parse.ts';
import { renderProblem } from '../../../src/config/problems.ts';

export const NETWORK = '"Network": "10.244.0.0/16"';
export const V6_ON = '"EnableIPv6": true, "IPv6Network": "fd00::/48"';
export const withBackend = (backend: string): string => `{${NETWORK}, "Backend": ${backend}}`;

export type Refusal = {
  readonly name: string;
  readonly text: string;
  readonly problems: readonly string[];
};

export function checkRefusals(subject: string, refusals: readonly Refusal[]): void {
  describe(subject, () => {
    for (const { name, text, problems } of refusals) {
      test(name, () => {
        const parsed = parseConfig(text);
        assert.deepEqual(parsed.kind === 'ok' ? [] : parsed.problems.map(renderProblem), problems);
      });
    }
  });
}
