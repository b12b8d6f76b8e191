// net-conf.json as a file: what is in it is told once, however it is replaced, and what cannot be
// read is a problem in words and no other configuration.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClusterEvent } from '../../../src/cluster/cluster.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { NetConfFile } from '../../../src/source/net-conf-file.ts';
import { SourceWithFile } from '../../../src/source/with-net-conf-file.ts';
import { FakeClock } from '../../fake/clock.ts';
import { FakeDatastore } from '../../fake/source.ts';

const UNTIL_MS = 20_000;

class Scene implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'poplin-file-'));
  readonly path = join(this.directory, 'mount', 'net-conf.json');
  readonly events: ClusterEvent[] = [];
  readonly file = new NetConfFile({ path: this.path, clock: systemClock, log: silentLog });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(hasDirectory = true) {
    if (hasDirectory) mkdirSync(join(this.directory, 'mount'));
    this.#running = this.file.run((event) => this.events.push(event), this.#stop.signal);
  }

  get texts(): string[] {
    return this.events.map((event) =>
      event.kind === 'config-put' ? event.config.text : event.kind,
    );
  }

  write(text: string, path = this.path): void {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
  }

  async until(is: () => boolean): Promise<void> {
    const endMs = performance.now() + UNTIL_MS;
    while (!is()) {
      assert.ok(performance.now() < endMs, `in vain; told: ${this.texts.join(' | ')}`);
      await systemClock.sleep(5);
    }
  }

  untilTold = (...texts: string[]) => this.until(() => this.texts.join() === texts.join());

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    rmSync(this.directory, { recursive: true });
  }
}

test('a file that is not there is named, and read when it comes, with its directory', async () => {
  await using scene = new Scene(false);
  await scene.until(() => /net-conf\.json cannot be read: .*ENOENT/.test(scene.file.problem ?? ''));
  scene.write('a');
  await scene.untilTold('a');
  assert.equal(scene.file.problem, undefined);
});

test('it is read again when it is written, renamed over, or its directory is another', async () => {
  await using scene = new Scene();
  scene.write('a');
  await scene.untilTold('a');
  scene.write('b');
  await scene.until(() => scene.texts.at(-1) === 'b');
  scene.write('c', `${scene.path}.new`);
  renameSync(`${scene.path}.new`, scene.path);
  await scene.until(() => scene.texts.at(-1) === 'c');
  renameSync(join(scene.directory, 'mount'), join(scene.directory, 'old'));
  scene.write('d');
  await scene.until(() => scene.texts.at(-1) === 'd');
  assert.equal(scene.texts.filter((text) => text === 'c').length, 1);
});

test('it is read again when a symbolic link on the way to it is swapped', async () => {
  await using scene = new Scene();
  const mount = join(scene.directory, 'mount');
  scene.write('a', join(mount, '..1', 'net-conf.json'));
  symlinkSync('..1', join(mount, '..data'));
  symlinkSync(join('..data', 'net-conf.json'), scene.path);
  await scene.untilTold('a');
  scene.write('b', join(mount, '..2', 'net-conf.json'));
  symlinkSync('..2', join(mount, '..data_tmp'));
  renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
  await scene.untilTold('a', 'b');
});

test('a file that goes takes nothing away, and counts again when it is back', async () => {
  await using scene = new Scene();
  scene.write('a');
  await scene.untilTold('a');
  rmSync(scene.path);
  await scene.untilTold('a', 'config-gone');
  scene.write('a');
  await scene.until(() => scene.texts.at(-1) === 'a');
});

test('of a datastore beside it all but the configuration is heard', async () => {
  const datastore = new FakeDatastore({ clock: new FakeClock() });
  datastore.putConfig({ Network: '10.9.0.0/16' });
  const file = {
    problem: 'the file cannot be read',
    run: async (listener: (event: ClusterEvent) => void) =>
      listener({ kind: 'config-put', config: { text: 'of the file', origin: '/file' } }),
  };
  const source = new SourceWithFile(datastore.source('node-1'), file);
  const events: ClusterEvent[] = [];
  const stop = new AbortController();
  const running = source.run((event) => events.push(event), stop.signal);
  datastore.putConfig({ Network: '10.8.0.0/16' });
  assert.equal(source.health().problem, 'the file cannot be read');
  stop.abort();
  await running;
  assert.deepEqual(
    events.map((event) => (event.kind === 'config-put' ? event.config.text : event.kind)).sort(),
    ['nodes-listed', 'of the file'],
  );
});
