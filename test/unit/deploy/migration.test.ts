// docs/migration.md against what it has applied: Flannel is bound to one value of the label, and
// the overlay to the other.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('a node has Flannel or Poplin by its label, and never both', () => {
  const page = read('docs/migration.md');
  const [, patch = ''] = /--patch '(.*)'/.exec(page) ?? [];
  const selector = { 'poplin.dev/network': 'flannel' };
  assert.deepEqual(JSON.parse(patch), {
    spec: { template: { spec: { nodeSelector: selector } } },
  });
  assert.match(page, /^kubectl label nodes --all poplin\.dev\/network=flannel$/m);
  assert.match(page, /^kubectl label node NODE poplin\.dev\/network=poplin --overwrite$/m);
  const [, folder = ''] = /^kubectl apply -k (.*)$/m.exec(page) ?? [];
  assert.match(read(`${folder}/nodes.yaml`), /nodeSelector:\n +poplin\.dev\/network: poplin\n/);
});
