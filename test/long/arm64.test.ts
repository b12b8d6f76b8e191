// The executable for the other architecture, by both cross compilers that Debian has, run by an
// emulator on a machine of amd64: static, small, and the same frame on the wire.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { encodeReply } from '../../src/cni/frame.ts';
import { installCni } from '../../src/cni/install.ts';
import { call, envOf, install, make } from '../system/cni/executable.ts';
import { withAgent } from '../system/cni/scripted-agent.ts';

const EMULATOR = join(import.meta.dirname, '../../.cache/qemu/usr/bin/qemu-aarch64-static');
const BYTES_MAX = 1_000_000;
/** e_machine of elf(5). */
const EM_AARCH64 = 183;

describe('the executable for arm64', () => {
  for (const compiler of ['aarch64-linux-gnu-gcc', 'clang --target=aarch64-linux-gnu']) {
    test(`by ${compiler}`, async (t) => {
      assert.ok(existsSync(EMULATOR), 'scripts/test-long.sh has not found an emulator');
      const place = await install(1);
      const build = join(place.directory, 'arm64');
      make(`CC=${compiler}`, `BUILD=${build}`);
      const executable = join(build, 'poplin');
      const { size } = statSync(executable);
      t.diagnostic(`${size} bytes`);
      assert.ok(size < BYTES_MAX, `${size} bytes`);
      assert.equal(readFileSync(executable).readUInt16LE(18), EM_AARCH64);
      assert.doesNotMatch(readFileSync(executable, 'latin1'), /\/lib\/ld-/);
      const { socketPath, tombstoneDirectory } = place;
      const binDir = join(place.directory, 'arm64-bin');
      mkdirSync(binDir);
      await installCni({
        executable,
        binDir,
        paths: { socketPath, tombstoneDirectory, addWaitMs: 1 },
      });
      const emulated = join(binDir, 'emulated');
      writeFileSync(emulated, `#!/bin/sh\nexec ${EMULATOR} ${binDir}/poplin\n`, { mode: 0o755 });
      const outcome = await withAgent(
        place,
        (socket, { environment, stdin, hasNetns }) => {
          const told = [environment.get('CNI_COMMAND'), stdin.toString(), String(hasNetns)];
          socket.end(encodeReply({ exitCode: 3, stdout: told.join(' ') }));
        },
        () =>
          call(emulated, {
            env: envOf('ADD', { CNI_NETNS: '/proc/self/ns/net' }),
            stdin: '{"a":1}',
          }),
      );
      assert.deepEqual([outcome.exitCode, outcome.stdout], [3, 'ADD {"a":1} true']);
      const away = await call(emulated, { env: envOf('STATUS'), stdin: '{}' });
      assert.equal(JSON.parse(away.stdout).code, 50);
      place.remove();
    });
  }
});
