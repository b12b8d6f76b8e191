// Many removals in few requests, each answered for itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkRemover } from '../../../src/cni/link-remover.ts';
import type { Kernel } from '../../../src/kernel/kernel.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { EMPTY_STATE } from '../../../src/state/kernel-state.ts';

type Request = {
  readonly names: readonly string[];
  readonly answer: (refused: readonly string[]) => void;
  readonly gone: (name: string) => void;
};

/** A kernel whose requests are open until the test answers them. */
function slowKernel(requests: Request[]): Kernel {
  const removeLinks: Kernel['removeLinks'] = (names, gone) =>
    new Promise((resolve) => {
      const answer = (refused: readonly string[]): void => {
        const error = new AppError('NETLINK', 'remove link', 'EBUSY');
        resolve(names.filter((name) => refused.includes(name)).map((name) => ({ name, error })));
      };
      requests.push({ names, answer, gone });
    });
  return {
    hasNexthopObjects: false,
    namespaceCookie: undefined,
    read: () => EMPTY_STATE,
    fingerprint: () => '',
    apply: () => Promise.resolve([]),
    removeLinks,
    settleLinks: () => Promise.resolve(),
    forgetConnections: () => Promise.resolve(0),
    renameLink: () => undefined,
    answerFor: () => undefined,
    peerIndexOf: () => undefined,
    takeLink: () => undefined,
    lookUp: () => new Map(),
    watch: () => () => undefined,
    close: () => undefined,
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what comes during two requests goes together, and only what is refused fails', async () => {
  const requests: Request[] = [];
  const remover = new LinkRemover(slowKernel(requests));
  const results = ['a', 'b', 'c', 'd', 'e'].map((name) =>
    remover.remove(name).then(
      () => `${name} removed`,
      (error: unknown) => `${name}: ${error instanceof AppError ? error.message : 'unexpected'}`,
    ),
  );
  assert.deepEqual(
    requests.map(({ names }) => names),
    [['a'], ['b']],
  );
  requests[1]?.answer([]);
  await turn();
  assert.deepEqual(requests[2]?.names, ['c', 'd', 'e']);
  requests[2]?.answer(['d']);
  requests[0]?.answer([]);
  assert.deepEqual(await Promise.all(results), [
    'a removed',
    'b removed',
    'c removed',
    'd: remove link: EBUSY',
    'e removed',
  ]);
  const again = remover.remove('f');
  await turn();
  requests[3]?.answer([]);
  await again;
});

test('a link that is gone is removed, also while the kernel goes on with it', async () => {
  const requests: Request[] = [];
  const remover = new LinkRemover(slowKernel(requests));
  const first = remover.remove('a');
  requests[0]?.gone('a');
  await first;
  const second = remover.remove('b');
  const third = remover.remove('c');
  assert.deepEqual(
    requests.map(({ names }) => names),
    [['a'], ['b']],
  );
  requests[0]?.answer([]);
  await turn();
  requests[2]?.gone('c');
  await third;
  requests[1]?.answer(['b']);
  await assert.rejects(second, /EBUSY/);
});
