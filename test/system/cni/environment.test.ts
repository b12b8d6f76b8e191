// What a runtime may leave behind in the executable's process: descriptors that are closed or do
// not block, a stdin that never ends; and an executable that is replaced while it runs, or speaks
// another version than the agent.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { encodeReply } from '../../../src/cni/frame.ts';
import { installCni } from '../../../src/cni/install.ts';
import type { Installation } from './executable.ts';
import { BUILT, call, envOf, install, SANITIZED } from './executable.ts';
import { TestNode } from './node.ts';
import { withAgent } from './scripted-agent.ts';

const errorIn = (stdout: string): { code: number; msg: string; details: string } =>
  JSON.parse(stdout);

describe('the executable in an odd process', () => {
  let place: Installation;
  before(async () => {
    place = await install(1, SANITIZED);
  });
  after(() => place.remove());

  /** By a shell that sets the process up first; what is left of `$1` is the executable. */
  const shell = (script: string, verb: string) =>
    call('/bin/sh', {
      env: envOf(verb, { EXECUTABLE: place.executable }),
      stdin: `${script.replaceAll('RUN', '"$EXECUTABLE"')}; echo "exit $?"`,
    });

  test('says with code 5 that stdin is closed, whatever else is', async () => {
    for (const closed of ['<&-', '<&- 2>&-']) {
      const { stdout } = await shell(`RUN ${closed}`, 'DEL');
      assert.equal(errorIn(stdout.split('\n')[0] ?? '').code, 5, stdout);
      assert.match(stdout, /exit 1/);
    }
  });

  test('does not take a file of its own for stdout', async () => {
    const { stdout } = await shell('RUN </dev/null >&- 2>&-', 'DEL');
    assert.equal(stdout, 'exit 0\n');
    const [name = ''] = readdirSync(place.tombstoneDirectory);
    const text = readFileSync(join(place.tombstoneDirectory, name), 'latin1');
    assert.ok(text.startsWith('PPLN') && !text.includes('"code"'), text);
    rmSync(place.tombstoneDirectory, { recursive: true });
  });

  test('fails when nobody can read its result', async () => {
    for (const stdoutOf of ['>/dev/full', '>&-', '2>&- >&-']) {
      const { stdout } = await withAgent(
        place,
        (socket) => socket.end(encodeReply({ exitCode: 0, stdout: '{}' })),
        () => shell(`CNI_NETNS=/proc/self/ns/net RUN </dev/null ${stdoutOf}`, 'ADD'),
      );
      assert.equal(stdout, 'exit 1\n', stdoutOf);
    }
  });

  test('reads a stdin that does not block and comes in parts', async () => {
    const unblock = `perl -e 'use Fcntl; fcntl(STDIN, F_SETFL, O_NONBLOCK); exec @ARGV'`;
    const { stdout } = await withAgent(
      place,
      (socket, frame) => socket.end(encodeReply({ exitCode: 0, stdout: frame.stdin.toString() })),
      () => shell(`(echo -n '{"a":'; sleep 0.2; echo '1}') | ${unblock} RUN`, 'ADD'),
    );
    assert.equal(stdout, '{"a":1}\nexit 0\n');
  });

  test('writes all of a long result into a pipe that does not block', async () => {
    const unblock = `perl -e 'use Fcntl; fcntl(STDOUT, F_SETFL, O_WRONLY | O_NONBLOCK); exec @ARGV'`;
    const text = 'y'.repeat(700_000);
    const { stdout } = await withAgent(
      place,
      (socket) => socket.end(encodeReply({ exitCode: 0, stdout: text })),
      () => shell(`${unblock} RUN </dev/null | (sleep 0.2; wc -c)`, 'ADD'),
    );
    assert.match(stdout, /^700000\n/);
  });

  test('does not read a stdin that never ends for ever', async () => {
    const hurried = variant(place.directory, 'STDIN_MS = 10000', 'STDIN_MS = 100');
    const child = spawn(hurried, { env: envOf('STATUS'), stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write('{');
    let stdout = '';
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    const [exitCode] = await once(child, 'close');
    assert.equal(exitCode, 1);
    assert.equal(errorIn(stdout).code, 5, stdout);
    assert.match(errorIn(stdout).details, /stdin: .*timed out/i);
  });
});

/** The executable with one constant changed, as a file in `directory`; its path. */
function variant(directory: string, from: string, to: string): string {
  const source = readFileSync(join(BUILT, '../../poplin.c'), 'utf8');
  const changed = source.replace(from, to);
  assert.notEqual(changed, source, from);
  const file = join(directory, 'variant.c');
  writeFileSync(file, changed);
  const program = join(directory, 'variant');
  execFileSync('gcc', ['-static', '-o', program, file]);
  return program;
}

describe('the executable and another of its kind', () => {
  test('is replaced while it runs, and the next call is by the new one', async () => {
    const place = await install(60_000);
    const paths = { socketPath: place.socketPath, tombstoneDirectory: place.tombstoneDirectory };
    const running = call(place.executable, { env: envOf('ADD'), stdin: '{}' });
    const { directory } = place;
    const replacement = join(directory, 'replacement');
    writeFileSync(replacement, '#!/bin/sh\necho the new one\n');
    assert.throws(() => writeFileSync(place.executable, ''), /ETXTBSY/);
    await installCni({ executable: replacement, binDir: join(directory, 'bin'), paths });
    const next = await call(place.executable, { env: envOf('ADD') });
    assert.equal(next.stdout, 'the new one\n');
    const outcome = await withAgent(
      place,
      (socket) => socket.end(encodeReply({ exitCode: 0, stdout: 'the old one' })),
      () => running,
    );
    assert.equal(outcome.stdout, 'the old one');
    place.remove();
  });

  test('of another version than the agent makes nothing, and names both', async () => {
    const node = await TestNode.create('version');
    try {
      const { executable, directory } = node.place;
      renameSync(variant(directory, 'FRAME_VERSION = 1,', 'FRAME_VERSION = 9,'), executable);
      const outcome = await node.cni('ADD', node.addPod('p'));
      const { code, details } = errorIn(outcome.stdout);
      assert.equal(code, 1);
      assert.match(details, /answers in version 1, this executable knows 9/);
      assert.deepEqual(node.service.attachments(), []);
    } finally {
      await node.remove();
    }
  });

  test('refuses the answer of an agent of another version, and names both', async () => {
    const place = await install(1);
    const { stdout } = await withAgent(
      place,
      (socket) => socket.end(Buffer.from([9, 0, 0, 0, 0, 0])),
      () => call(place.executable, { env: envOf('ADD'), stdin: '{}' }),
    );
    assert.equal(errorIn(stdout).code, 1);
    assert.match(errorIn(stdout).details, /answers in version 9, this executable knows 1/);
    place.remove();
  });
});
