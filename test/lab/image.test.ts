// The image as scripts/image.sh builds it, and a lab whose agents run from it: by runc, with the
// capabilities, mounts, read-only root and system calls that deploy/poplin.yaml gives them. With
// one capability fewer something is missing each time, so that none is there without need. What is
// built for arm64 is looked at; test/long/image-arm64.test.ts starts it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CAPABILITIES } from '../../scripts/deploy/agent.ts';
import type { Diagnosis } from '../../src/doctor/finding.ts';
import type { NetConf } from '../../src/lab/cluster-api.ts';
import { nodeStatus } from '../../src/lab/node-status.ts';
import { ROOT } from '../unit/deploy/manifests.ts';
import { execInImage } from './image-exec.ts';
import type { TestLab } from './lab.ts';
import { until, withLab } from './lab.ts';

const IMAGES = join(ROOT, '.cache/image/rootfs');
const SIZE_MAX_MB = { poplin: 150, 'poplin-bird': 40 } as const;
const MACHINES = { amd64: 62, arm64: 183 } as const;
/** Building takes minutes, of which most are other programs'. */
const BUILD_TIMEOUT_MS = 1_800_000;

before(
  () => {
    execFileSync('sh', [join(ROOT, 'scripts/image.sh'), 'amd64', 'arm64'], { stdio: 'inherit' });
  },
  { timeout: BUILD_TIMEOUT_MS },
);

const pathsOf = (image: string): string[] =>
  readdirSync(join(IMAGES, image), { recursive: true, encoding: 'utf8' }).filter((path) => {
    const full = join(IMAGES, image, path);
    return existsSync(full) && statSync(full).isFile();
  });

/** Each once: `bin` is a link to `usr/bin`, below which everything is listed again. */
const filesOf = (image: string): string[] =>
  pathsOf(image).filter((path) => {
    const full = join(IMAGES, image, path);
    return realpathSync(full) === full;
  });

/** The field e_machine of elf(5), and libraries that the program names. */
function elfOf(path: string): { readonly machine: number; readonly needed: string[] } | undefined {
  const bytes = readFileSync(path);
  if (bytes.subarray(0, 4).toString('latin1') !== '\u007fELF') return undefined;
  const told = execFileSync('readelf', ['-dW', path], { encoding: 'utf8', stdio: 'pipe' });
  const needed = [...told.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name);
  return { machine: bytes.readUInt16LE(18), needed };
}

const EXPECTED_OF_DOCTOR = { findings: [], skipped: [], stderr: '' };

type ImageConfig = {
  readonly architecture: string;
  readonly config: { readonly Entrypoint: readonly string[] };
};

describe('what is in an image', () => {
  for (const name of ['poplin', 'poplin-bird'] as const) {
    for (const architecture of ['amd64', 'arm64'] as const) {
      const image = `${name}-${architecture}`;
      test(`${image}: programs of its architecture, with all their libraries`, (t) => {
        const files = filesOf(image);
        const names = new Set(files.map((path) => path.replace(/^.*\//, '')));
        let [programs, bytes] = [0, 0];
        for (const path of files) {
          bytes += statSync(join(IMAGES, image, path)).size;
          const elf = elfOf(join(IMAGES, image, path));
          if (elf === undefined) continue;
          programs += 1;
          assert.equal(elf.machine, MACHINES[architecture], path);
          for (const library of elf.needed) assert.ok(names.has(library), `${path}: ${library}`);
        }
        assert.ok(programs > 5, `${programs} programs`);
        t.diagnostic(`${image}: ${Math.round(bytes / 1e6)} MB`);
        assert.ok(bytes / 1e6 < SIZE_MAX_MB[name], `${bytes} bytes`);
      });
    }
  }

  for (const architecture of ['amd64', 'arm64'] as const) {
    test(`${architecture}: what is started is there, and its configuration says so`, () => {
      for (const name of ['poplin', 'poplin-bird']) {
        const root = join(IMAGES, `${name}-${architecture}`);
        const said = JSON.parse(readFileSync(`${root}.json`, 'utf8')) as ImageConfig;
        assert.equal(said.architecture, architecture);
        const [program = ''] = said.config.Entrypoint;
        const [, interpreter = ''] =
          /^#!(\S+)/.exec(readFileSync(join(root, program), 'latin1')) ?? [];
        for (const path of [program, interpreter]) {
          assert.ok((statSync(join(root, path)).mode & 0o111) !== 0, `${name}: ${path}`);
        }
      }
      for (const file of ['cni/build/poplin', 'bin/web/index.html', 'bin/poplin-bird']) {
        assert.ok(existsSync(join(IMAGES, `poplin-${architecture}/poplin`, file)), file);
      }
    });
  }

  test('the agent has no shell and no package manager beside it', () => {
    const names = pathsOf('poplin-amd64').map((path) => path.replace(/^.*\//, ''));
    for (const absent of ['sh', 'bash', 'dash', 'busybox', 'npm', 'apt', 'dpkg']) {
      assert.ok(!names.includes(absent), absent);
    }
  });
});

describe('agents run from the image', () => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-image-'));
  after(() => rmSync(directory, { recursive: true }));

  const launcher = (without: string): string[] => [
    ...['sh', join(ROOT, 'test/lab/image-launcher.sh')],
    ...[directory, join(IMAGES, 'poplin-amd64'), without],
  ];
  const families = ['ipv4', 'ipv6'] as const;
  const logOf = (lab: TestLab): string => readFileSync(lab.directory.node('node1').logFile, 'utf8');

  test('pods reach each other, by VXLAN and by host-gw', async () => {
    await withLab({ nodeCount: 2, families, launcher: launcher('none') }, async (lab) => {
      await lab.mustReach();
      assert.doesNotMatch(logOf(lab), /EPERM|EACCES|EROFS|ordinary priority/);
      const ready = (): boolean =>
        lab.run('node1', 'curl -s http://127.0.0.1:9113/readyz') === 'ok\n';
      await until('/readyz says ok', ready);
      assert.equal(lab.run('node1', 'curl -s http://127.0.0.1:9113/healthz'), 'ok\n');
      theDoctorSeesAll(lab);
      await lab.edit({ Backend: { Type: 'host-gw' } });
      await lab.untilStatus('node1', 'sends by host-gw', ({ peers }) =>
        peers.every(({ used }) => used === 'host-gw'),
      );
      await lab.mustReach();
    });
  });

  /** As `kubectl exec … -- poplin doctor`: no finding, and no check that could not look. */
  function theDoctorSeesAll(lab: TestLab): void {
    const node = { directory, node: 'node1', netns: lab.netns('node1') };
    const told = execInImage(node, ['poplin', 'doctor', '--json']);
    const { findings, skipped } = JSON.parse(told.stdout) as Diagnosis;
    assert.deepEqual({ findings, skipped, stderr: told.stderr }, EXPECTED_OF_DOCTOR);
    assert.equal(told.exitCode, 0);
    const archive = '/run/poplin/poplin.tgz';
    const bundled = execInImage(node, ['poplin', 'doctor', '--bundle', archive]);
    assert.deepEqual([bundled.exitCode, bundled.stderr.includes(archive)], [0, true]);
    const script = `fs.createReadStream("${archive}").pipe(process.stdout)`;
    assert.ok(readFileSync(join(ROOT, 'docs/doctor.md'), 'utf8').includes(script));
    const fetched = execInImage(node, ['node', '-e', script]);
    assert.match(gunzipSync(Buffer.from(fetched.stdout, 'latin1')).toString(), /status\.json/);
  }

  function theDoctorSaysWhatItCannot(lab: TestLab): void {
    const node = { directory, node: 'node1', netns: lab.netns('node1') };
    const told = execInImage(node, ['poplin', 'doctor', '--json']);
    assert.equal(told.stderr, '');
    const { skipped } = JSON.parse(told.stdout) as Diagnosis;
    const why = skipped.find(({ check }) => check === 'kernel-features');
    assert.match(why?.why ?? '', /no network namespace can be made .*EPERM/);
  }

  /** What is seen of each capability that is not there. */
  const missing: Readonly<Record<string, RegExp>> = {
    NET_ADMIN: /EPERM/,
    NET_RAW: /EPERM/,
    SYS_ADMIN: /enter network namespace: EPERM/,
    SYS_NICE: /the agent runs at ordinary priority/,
  };
  for (const { name } of CAPABILITIES) {
    test(`something is missing without ${name}`, async () => {
      const options = { nodeCount: 2, podsPerNode: 0, settles: false };
      await withLab({ ...options, launcher: launcher(`CAP_${name}`) }, async (lab) => {
        if (name === 'SYS_ADMIN') await until('the agents are ready', () => isSettled(lab));
        if (name === 'SYS_ADMIN') await assert.rejects(lab.attach('node1', 1));
        if (name === 'SYS_ADMIN') theDoctorSaysWhatItCannot(lab);
        // Not every node gets as far as to follow it.
        const netConf = JSON.parse(await lab.datastore.netConfText()) as NetConf;
        const change = { ...netConf, Backend: { Type: 'host-gw' } };
        await lab.datastore.putNetConf(JSON.stringify(change));
        const said = async () => `${logOf(lab)}${JSON.stringify(await statusOf(lab))}`;
        const expected = missing[name] ?? assert.fail(`nothing is expected without ${name}`);
        await until(`${expected} is said`, async () => expected.test(await said()));
      });
    });
  }
});

const isSettled = (lab: TestLab): Promise<boolean> =>
  lab.settled().then(
    () => true,
    () => false,
  );

const statusOf = ({ directory }: TestLab): Promise<unknown> => nodeStatus(directory.node('node1'));
