// Which links' filters are read at a look, and which are taken from memory.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RedirectMemory } from '../../../src/kernel/redirect-memory.ts';

const LINKS = new Set(Array.from({ length: 100 }, (_, index) => index + 1));

/** Reads what is due, as it is now. */
function look(memory: RedirectMemory, links: ReadonlySet<number>): readonly number[] {
  const due = memory.due(links);
  for (const index of due) memory.record(index, index + 1000);
  return due;
}

describe('memory of redirections', () => {
  test('all are read at first, and then each within a few looks', () => {
    const memory = new RedirectMemory();
    assert.deepEqual(look(memory, LINKS), [...LINKS]);
    const again = new Set<number>();
    for (let count = 0; count < 4; count += 1) {
      const due = look(memory, LINKS);
      assert.ok(due.length < LINKS.size / 2);
      for (const index of due) again.add(index);
    }
    assert.equal(again.size, LINKS.size);
    assert.equal(memory.targetOf(7), 1007);
  });

  test('of what something was told, and what is new, is read at once', () => {
    const memory = new RedirectMemory();
    look(memory, LINKS);
    memory.forget(90);
    const due = look(memory, new Set([...LINKS, 101]));
    assert.deepEqual(
      [90, 99, 101].map((index) => due.includes(index)),
      [true, false, true],
    );
  });

  test('a link that was away is read anew, and so are all when nothing is certain', () => {
    const memory = new RedirectMemory();
    look(memory, LINKS);
    look(memory, new Set([...LINKS].filter((index) => index !== 90)));
    assert.equal(memory.targetOf(90), undefined);
    assert.ok(look(memory, LINKS).includes(90));
    memory.clear();
    assert.deepEqual(look(memory, LINKS), [...LINKS]);
  });

  test('a link that leads nowhere is known too', () => {
    const memory = new RedirectMemory();
    look(memory, LINKS);
    memory.forget(90);
    memory.record(90, undefined);
    assert.equal(memory.due(LINKS).includes(90), false);
  });
});
