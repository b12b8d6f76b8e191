// The own annotations are written when the Node says otherwise, and only then, whether its watch or
// the answer to a write comes first.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AnnotationPublisher } from '../../../../src/source/kubernetes/annotation-publisher.ts';
import type { ApiCall } from '../../../../src/source/kubernetes/api.ts';
import { FakeClock } from '../../../fake/clock.ts';

const NEVER = new AbortController().signal;
const WANTED = { 'poplin.dev/a': 'good', 'poplin.dev/b': null };
const GOOD = { 'poplin.dev/a': 'good' };
const BAD = { 'poplin.dev/a': 'bad' };

/** An API that answers when it is told to. */
class Scene {
  readonly written: unknown[] = [];
  #answer = Promise.withResolvers<unknown>();
  readonly publisher = new AnnotationPublisher({
    client: {
      call: ({ body }: ApiCall) => {
        this.written.push(body);
        return this.#answer.promise;
      },
      list: () => assert.fail('nothing is listed'),
      open: () => assert.fail('nothing is watched'),
      close: () => undefined,
    },
    clock: new FakeClock(),
    random: () => 0.5,
    nodeName: 'self',
  });

  answer(resourceVersion: string | undefined): void {
    const revision = resourceVersion === undefined ? {} : { resourceVersion };
    this.#answer.resolve({ metadata: { name: 'self', annotations: GOOD, ...revision } });
    this.#answer = Promise.withResolvers();
  }

  /** Returns what it has written. */
  async publish(): Promise<readonly unknown[]> {
    const count = this.written.length;
    const publishing = this.publisher.publish(WANTED, NEVER);
    this.answer('1');
    await publishing;
    return this.written.slice(count);
  }
}

describe('the own annotations', () => {
  test('are written where they differ, and cost nothing where they do not', async () => {
    const scene = new Scene();
    scene.publisher.see({ annotations: BAD, revision: '7' });
    const publishing = scene.publisher.publish(WANTED, NEVER);
    scene.answer('8');
    await publishing;
    assert.deepEqual(scene.written, [{ metadata: { annotations: GOOD } }]);
    assert.deepEqual(await scene.publish(), []);
    scene.publisher.see(undefined);
    assert.deepEqual(await scene.publish(), [{ metadata: { annotations: WANTED } }]);
  });

  const DURING = [
    ['what somebody did after it is not forgotten', { annotations: BAD, revision: '10' }, 1],
    ['its own echo costs no other write', { annotations: GOOD, revision: '9' }, 0],
    ['what was before it does not count', { annotations: BAD, revision: '8' }, 0],
    ['what cannot be compared is looked at', { annotations: BAD, revision: 'x' }, 1],
  ] as const;
  for (const [name, seen, writes] of DURING) {
    test(`of what the watch tells before the answer: ${name}`, async () => {
      const scene = new Scene();
      scene.publisher.see({ annotations: BAD, revision: '7' });
      const publishing = scene.publisher.publish(WANTED, NEVER);
      scene.publisher.see(seen);
      scene.answer('9');
      await publishing;
      assert.equal((await scene.publish()).length, writes);
    });
  }
});
