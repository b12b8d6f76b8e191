// Flannel's conflist is set aside and put back; nobody else's is touched.

import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import {
  dropSetAside,
  flannelConflists,
  putBackFlannel,
  setAsideFlannel,
  setAsideIn,
} from '../../../src/cni/flannel-conflist.ts';

const FLANNEL = JSON.stringify({
  name: 'cbr0',
  plugins: [{ type: 'flannel' }, { type: 'portmap' }],
});
const ASIDE = '10-flannel.conflist.set-aside-by-poplin';

function directoryWith(context: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-conflist-'));
  context.after(() => rmSync(directory, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

const OTHERS = {
  '05-other.conflist': JSON.stringify({ plugins: [{ type: 'bridge' }] }),
  '06-broken.conflist': '{"plugins":[{"type":"flannel"',
  '07-flannel.txt': FLANNEL,
  '10-poplin.conflist': JSON.stringify({ plugins: [{ type: 'poplin' }] }),
  '99-flannel.conflist': FLANNEL,
};

describe('the conflist of Flannel', () => {
  test('is set aside where it comes before ours', (t) => {
    const directory = directoryWith(t, {
      ...OTHERS,
      ...{ '00-old.conf': JSON.stringify({ type: 'flannel' }), '10-flannel.conflist': FLANNEL },
    });
    assert.equal(flannelConflists(directory).length, 3);
    setAsideFlannel(directory);
    assert.deepEqual(readdirSync(directory).sort(), [
      ...['00-old.conf.set-aside-by-poplin', ...Object.keys(OTHERS), ASIDE].sort(),
    ]);
    assert.equal(readFileSync(join(directory, ASIDE), 'utf8'), FLANNEL);
    setAsideFlannel(directory);
    assert.equal(setAsideIn(directory).length, 2, 'once');
  });

  test('is put back, unless a newer one is there', (t) => {
    const directory = directoryWith(t, { [ASIDE]: FLANNEL });
    putBackFlannel(join(directory, ASIDE));
    assert.deepEqual(readdirSync(directory), ['10-flannel.conflist']);
    writeFileSync(join(directory, ASIDE), 'older');
    putBackFlannel(join(directory, ASIDE));
    assert.deepEqual(readdirSync(directory), ['10-flannel.conflist']);
    assert.equal(readFileSync(join(directory, '10-flannel.conflist'), 'utf8'), FLANNEL);
  });

  test('goes when it is of no use any more', (t) => {
    const directory = directoryWith(t, { ...OTHERS, [ASIDE]: FLANNEL });
    dropSetAside(directory);
    assert.deepEqual(readdirSync(directory).sort(), Object.keys(OTHERS).sort());
    dropSetAside('/nowhere');
  });
});
