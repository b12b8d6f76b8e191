// deploy/kind/up.sh and deploy/check.sh on stand-ins for kind, docker and kubectl, since none of
// the first two can be had here: which calls are made and in which order, that each step which
// fails is named and ends it, and each command of docs/kind.md. That the check itself finds what
// does not answer is tried with its own programs; a real Kubernetes runs it in test/cluster.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { VERSION } from '../../scripts/deploy/parameters.ts';
import { commandsOf } from '../unit/docs/pages.ts';
import { DUAL_PODS, Stage } from './kind/stage.ts';

const UP = 'sh deploy/kind/up.sh';
const IMAGE = `poplin:${VERSION}`;
const stages: Stage[] = [];
after(() => {
  for (const stage of stages) stage.remove();
});

function newStage(without = ''): Stage {
  const stage = new Stage(without);
  stages.push(stage);
  return stage;
}

const kube = (name: string, words: string): string => `kubectl --context kind-${name} ${words}`;
const ROLLOUT = '-n poplin rollout status daemonset/poplin --timeout=300s';
const STATUS = '-n poplin exec daemonset/poplin -c agent -- poplin status --all';

/** From the agents' rollout on, where the check is a script of its own. */
const waits = (name: string): readonly string[] => [
  kube(name, ROLLOUT),
  kube(name, 'wait --for=condition=Ready nodes --all --timeout=300s'),
  kube(name, '-n kube-system rollout status deployment/coredns --timeout=300s'),
];

/** Without what deploy/check.sh calls. */
const withoutCheck = (calls: readonly string[]): string[] =>
  calls.filter((call) => !/poplin-check|kube-dns/.test(call));

describe('deploy/kind/up.sh', () => {
  test('builds, makes, brings, applies, waits and checks, in this order', () => {
    const stage = newStage();
    const { exitCode, stdout, stderr } = stage.run(UP);
    assert.deepEqual([exitCode, stderr], [0, 'No kind clusters found.\n']);
    assert.deepEqual(withoutCheck(stage.calls()), [
      'kind get clusters',
      `docker build --target poplin --tag ${IMAGE} .`,
      'kind create cluster --name poplin --config deploy/kind/single-stack.yaml',
      `kind load docker-image ${IMAGE} --name poplin`,
      kube('poplin', 'apply -f deploy/poplin.yaml'),
      ...waits('poplin'),
      kube('poplin', STATUS),
    ]);
    assert.match(stdout, /node-b: reaches 3 nodes, and Services \(10\.96\.0\.7 .* poplin-check\./);
    assert.match(stdout, /cluster poplin works/);
  });

  test('dual stack has its own cluster and manifest', () => {
    const stage = newStage();
    stage.havePods(DUAL_PODS);
    assert.equal(stage.run(`${UP} --name two --dual-stack`).exitCode, 0);
    const calls = stage.calls();
    assert.equal(calls[2], 'kind create cluster --name two --config deploy/kind/dual-stack.yaml');
    assert.equal(calls[4], kube('two', 'apply -k deploy/kustomize/overlays/dual-stack'));
    const asked = calls.find((call) => call.includes('exec poplin-check-1 '));
    assert.match(asked ?? '', / 10\.244\.1\.9,fd00:10:244:1::9 .* node-c=fd00:10:244:2::9 @10\.96/);
  });

  test('a second time it brings the new image, and starts the agents anew', () => {
    const stage = newStage();
    assert.equal(stage.run(UP).exitCode, 0);
    stage.calls();
    assert.equal(stage.run(UP).exitCode, 0);
    assert.deepEqual(withoutCheck(stage.calls()), [
      'kind get clusters',
      kube('poplin', 'get nodes -o jsonpath={.items[*].spec.podCIDRs}'),
      kube('poplin', '-n kube-system get daemonset kindnet --ignore-not-found -o name'),
      `docker build --target poplin --tag ${IMAGE} .`,
      `kind load docker-image ${IMAGE} --name poplin`,
      kube('poplin', 'apply -f deploy/poplin.yaml'),
      kube('poplin', '-n poplin rollout restart daemonset/poplin'),
      ...waits('poplin'),
      kube('poplin', STATUS),
    ]);
  });

  test('an archive needs no docker, and must hold the image of the manifest', () => {
    const stage = newStage('docker');
    const archiveOf = (tag: string): string => {
      const manifest = join(stage.directory, 'manifest.json');
      const archive = join(stage.directory, 'image.tar');
      writeFileSync(manifest, JSON.stringify([{ Config: 'x', RepoTags: [tag], Layers: [] }]));
      execFileSync('tar', ['-cf', archive, '-C', stage.directory, 'manifest.json']);
      return archive;
    };
    const others = ['poplin:0.0.0', `${IMAGE}1`, `localhost/${IMAGE}`];
    for (const tag of [...others, '']) {
      const archive = tag === '' ? '/none' : archiveOf(tag);
      const { exitCode, stderr } = stage.run(`${UP} --archive ${archive}`);
      assert.equal(exitCode, 1);
      assert.match(stderr, new RegExp(`FAILED: ${archive} is no archive that holds ${IMAGE}`));
      assert.deepEqual(stage.calls(), []);
    }
    for (const tag of [IMAGE, `docker.io/library/${IMAGE}`]) {
      const archive = archiveOf(tag);
      assert.equal(stage.run(`${UP} --archive ${archive}`).exitCode, 0);
      assert.ok(stage.calls().includes(`kind load image-archive ${archive} --name poplin`));
    }
  });

  test('a cluster that is not of this kind is left alone', () => {
    const stage = newStage();
    assert.equal(stage.run(UP).exitCode, 0);
    stage.calls();
    const other = stage.run(`${UP} --dual-stack`);
    assert.equal(other.exitCode, 1);
    assert.match(other.stderr, /cluster poplin is there, and is single-stack: give another --name/);
    stage.write('clusters/foreign', 'kindnet\n');
    const foreign = stage.run(`${UP} --name foreign`);
    assert.equal(foreign.exitCode, 1);
    assert.match(foreign.stderr, /has kind's own network/);
    assert.ok(!stage.calls().some((call) => /create|load|build|apply/.test(call)));
  });

  for (const name of ['kind', 'kubectl', 'docker']) {
    test(`without ${name} nothing is begun`, () => {
      const stage = newStage(name);
      const { exitCode, stderr } = stage.run(UP);
      assert.equal(exitCode, 1);
      assert.match(stderr, new RegExp(`^up.sh: FAILED: ${name} was not found: see docs/kind.md`));
      assert.deepEqual(stage.calls(), []);
    });
  }

  for (const words of ['--nmae x', '--name', '--archive', 'x']) {
    test(`'${words}' is wrong usage`, () => {
      const stage = newStage();
      assert.equal(stage.run(`${UP} ${words}`).exitCode, 2);
      assert.deepEqual(stage.calls(), []);
    });
  }

  const steps: readonly (readonly [call: string, says: RegExp])[] = [
    ['kind get clusters', /'kind get clusters' fails: does docker run\?/],
    ['docker build', /FAILED: building poplin:\S+ \(exit code 7\)/],
    ['kind create', /FAILED: making cluster poplin \(exit code 7\)/],
    ['kind load', /FAILED: bringing poplin:\S+ to the nodes \(exit code 7\)/],
    ['kubectl apply -f', /FAILED: applying Poplin \(exit code 7\)/],
    ['kubectl -n poplin rollout status', /FAILED: waiting for the agents$/m],
    ['kubectl wait', /FAILED: waiting for the nodes$/m],
    ['kubectl -n kube-system rollout', /FAILED: waiting for the cluster's DNS$/m],
    ['kubectl get namespace', /FAILED: trying every pod to every other$/m],
    ['kubectl -n poplin-check rollout', /FAILED: trying every pod to every other$/m],
  ];
  for (const [call, says] of steps) {
    test(`it ends where '${call}' fails, and says so`, () => {
      const stage = newStage();
      const { exitCode, stdout, stderr } = stage.run(UP, { STAND_IN_FAILS: call });
      assert.equal(exitCode, 1);
      assert.match(stderr, says);
      assert.match(stderr, /it does not work today/);
      assert.doesNotMatch(stdout, /works/);
      const calls = stage.calls().map((line) => line.replace('--context kind-poplin ', ''));
      const failed = calls.findIndex((line) => line.startsWith(call));
      const later = calls.slice(failed + 1).filter((line) => !/get|logs|doctor|delete/.test(line));
      assert.ok(failed >= 0);
      assert.deepEqual(later, []);
      const isWaiting = /rollout status|wait/.test(call) && !call.includes('poplin-check');
      assert.ok(!isWaiting || calls.some((line) => line.endsWith('poplin doctor')));
    });
  }
});

describe('deploy/check.sh', () => {
  function readyStage(): Stage {
    const stage = newStage();
    assert.equal(stage.run(UP).exitCode, 0);
    stage.calls();
    return stage;
  }

  test('names who does not answer, tries the others, and takes its pods away', () => {
    const stage = readyStage();
    const silent = { STAND_IN_SILENT: 'node-b' };
    const { exitCode, stderr } = stage.run('sh deploy/check.sh --context kind-poplin', silent);
    assert.equal(exitCode, 1);
    for (const node of ['node-a', 'node-b', 'node-c']) {
      assert.match(
        stderr,
        new RegExp(`^${node} -> node-b \\(10\\.244\\.1\\.9\\): ETIMEDOUT$`, 'm'),
      );
    }
    const last = stage.calls().at(-1) ?? '';
    assert.match(last, /delete namespace poplin-check/);
  });

  test('says that names were not tried where there is no DNS', () => {
    const stage = readyStage();
    stage.write('no-dns', '');
    const { exitCode, stdout } = stage.run('sh deploy/check.sh');
    assert.equal(exitCode, 0);
    assert.match(stdout, /no DNS is in this cluster/);
    assert.ok(!stage.calls().some((call) => call.includes('poplin-check.svc')));
  });

  test('a cluster in which no pod runs is not well', () => {
    const stage = readyStage();
    stage.havePods([]);
    const { exitCode, stderr } = stage.run('sh deploy/check.sh');
    assert.deepEqual([exitCode, stderr], [2, 'check.sh: there is no node to try\n']);
  });
});

test('each command of docs/kind.md, one after another', () => {
  const stage = newStage();
  const commands = commandsOf('docs/kind.md');
  assert.ok(commands.length >= 8, commands.join('\n'));
  for (const command of commands) {
    const { exitCode, stderr } = stage.run(command);
    assert.equal(exitCode, 0, `${command}\n${stderr}`);
  }
  assert.ok(stage.calls().includes('kind delete cluster --name poplin'));
});
