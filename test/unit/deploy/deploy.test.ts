// The files below deploy/: made of their source, valid against the API's schema, and saying what
// the agent understands. That a real API server takes them is for test/cluster.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { V1ConfigMap, V1Container, V1DaemonSet } from '@kubernetes/client-node';
import { CAPABILITIES } from '../../../scripts/deploy/agent.ts';
import { outputs } from '../../../scripts/deploy/outputs.ts';
import { OVERLAYS } from '../../../scripts/deploy/overlays.ts';
import { DEFAULTS } from '../../../scripts/deploy/parameters.ts';
import { AGENT_FLAGS, parseAgentOptions } from '../../../src/cli/agent-options.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { BACKEND_TYPES } from '../../../src/config/schema.ts';
import {
  containerOf,
  environmentOf,
  one,
  parseManifests,
  ROOT,
  readManifests,
} from './manifests.ts';
import { schemaProblems } from './schema.ts';

const plain = readManifests('deploy/poplin.yaml');
const agent = containerOf(plain, 'agent');

describe('deploy/ is made of one source', () => {
  for (const { path, text } of outputs()) {
    test(path, () => {
      assert.equal(readFileSync(join(ROOT, path), 'utf8'), text, 'run npm run deploy');
    });
  }

  test('no overlay takes an object away, which kubectl of 1.20 leaves behind empty', () => {
    const taking = outputs().filter(({ text }) => text.includes('$patch'));
    assert.deepEqual(
      taking.map(({ path }) => path),
      [],
    );
  });

  test('the base is the plain manifest, and the overlay for etcd has no rights', () => {
    const kinds = (path: string): string[] => readManifests(path).map(({ kind = '' }) => kind);
    const [agentKinds, rights] = [
      kinds('deploy/kustomize/agent/poplin.yaml'),
      kinds('deploy/kustomize/base/rights.yaml'),
    ];
    assert.deepEqual([...agentKinds, ...rights].sort(), plain.map(({ kind = '' }) => kind).sort());
    assert.ok(!agentKinds.some((kind) => kind.includes('Role')));
    const etcd = readFileSync(
      join(ROOT, 'deploy/kustomize/overlays/etcd/kustomization.yaml'),
      'utf8',
    );
    assert.match(etcd, /- "?\.\.\/\.\.\/agent"?\n/);
  });

  test('nothing else is among what is made', () => {
    const made = new Set(outputs().map(({ path }) => path));
    const folders = ['deploy/kustomize', 'deploy/helm', 'deploy/monitoring', 'deploy/kind'];
    const found = folders.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .map((name) => `${folder}/${name}`)
        .filter((path) => statSync(join(ROOT, path)).isFile() && !path.endsWith('.sh')),
    );
    assert.deepEqual(
      found.filter((path) => !made.has(path)),
      [],
    );
  });
});

/** The model of each kind, as client-node calls it. */
const modelOf = (kind: string): string => (kind === 'Event' ? 'CoreV1Event' : `V1${kind}`);

describe('the API knows every field', () => {
  const files = outputs().filter(
    ({ path }) =>
      path.endsWith('.yaml') &&
      !/\/(?:helm|monitoring|kind)\//.test(path) &&
      !path.endsWith('kustomization.yaml'),
  );
  for (const { path, text } of files) {
    test(path, () => {
      const problems = parseManifests(text).flatMap((manifest) => {
        const { $patch, ...rest } = manifest as unknown as Record<string, unknown>;
        assert.ok($patch === undefined || $patch === 'delete');
        return schemaProblems(rest, modelOf(manifest.kind));
      });
      assert.deepEqual(problems, []);
    });
  }

  test('what is misspelled, misplaced or of another type is found', () => {
    const of = (spec: object): string[] =>
      schemaProblems({ kind: 'DaemonSet', spec: { template: { spec } } }, 'V1DaemonSet');
    assert.deepEqual(of({ hostNetwork: true, containers: [{ name: 'a' }] }), []);
    assert.match(of({ hostnetwork: true }).join(), /hostnetwork: V1PodSpec has no such field/);
    assert.match(of({ hostNetwork: 'yes' }).join(), /"yes" is no boolean/);
    assert.match(of({ containers: { name: 'a' } }).join(), /is no list/);
    assert.match(of({ nodeSelector: { a: 1 } }).join(), /\[a\]: 1 is no string/);
    assert.match(of({ containers: [{ env: [{ value: 1 }] }] }).join(), /1 is no string/);
  });
});

describe('the agent understands what it is told', () => {
  const variables = Object.keys(AGENT_FLAGS).map(
    (flag) => `POPLIN_${flag.toUpperCase().replaceAll('-', '_')}`,
  );

  function optionsOf(container: V1Container) {
    const environment = environmentOf(container);
    const ours = Object.keys(environment).filter((name) => name.startsWith('POPLIN_'));
    assert.deepEqual(
      ours.filter((name) => !variables.includes(name)),
      [],
    );
    return parseAgentOptions([], environment);
  }

  test('of the plain manifest', () => {
    const options = optionsOf(agent);
    const mounted = agent.volumeMounts?.map(({ mountPath }) => mountPath) ?? [];
    const { stateDir, runDir, cniConfDir, procSys, machineIdFile, cniCacheDir } = options;
    for (const path of [stateDir, runDir, cniConfDir, procSys, machineIdFile]) {
      assert.ok(mounted.includes(path), path);
    }
    assert.ok(mounted.some((path) => cniCacheDir.startsWith(`${path}/`)));
    assert.deepEqual(options.metricsListen, { host: '127.0.0.1', port: DEFAULTS.metricsPort });
  });

  test('of the overlay for etcd', () => {
    const [patch] = readManifests('deploy/kustomize/overlays/etcd/etcd.yaml');
    const found = (patch as unknown as V1DaemonSet).spec?.template.spec?.containers[0];
    assert.ok(found !== undefined);
    const options = optionsOf({ ...found, env: [...(agent.env ?? []), ...(found.env ?? [])] });
    assert.equal(options.etcd?.certFile, '/etc/poplin/etcd/tls.crt');
    assert.deepEqual(options.underlay.nodeIps, ['192.0.2.1']);
  });

  test('net-conf.json of the manifest and of each overlay', () => {
    const config = one<V1ConfigMap>(plain, 'ConfigMap').data?.['net-conf.json'] ?? '';
    assert.equal(parseConfig(config).kind, 'ok');
    const known: readonly string[] = BACKEND_TYPES;
    for (const { name, netConf } of OVERLAYS) {
      const text = JSON.stringify(netConf);
      const { Backend } = JSON.parse(text) as { Backend: { Type: string } };
      const expected = known.includes(Backend.Type) ? 'ok' : 'invalid';
      assert.equal(parseConfig(text).kind, expected, name);
    }
  });
});

describe('no more rights than needed', () => {
  const pod = one<V1DaemonSet>(plain, 'DaemonSet').spec?.template.spec;
  const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];

  test('no container is privileged, can become so, or writes to its image', () => {
    assert.equal(containers.length, 2);
    for (const { name, securityContext } of containers) {
      const { privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities } =
        securityContext ?? {};
      assert.deepEqual(
        [privileged, allowPrivilegeEscalation, readOnlyRootFilesystem, capabilities?.drop],
        [false, false, true, ['ALL']],
        name,
      );
    }
    const { hostPID, hostIPC, securityContext } = pod ?? {};
    assert.deepEqual([hostPID, hostIPC], [undefined, undefined]);
    assert.equal(securityContext?.seccompProfile?.type, 'RuntimeDefault');
  });

  test('capabilities are those with a reason, and the installer has none', () => {
    const added = containers.map(({ securityContext }) => securityContext?.capabilities?.add);
    assert.deepEqual(added, [undefined, CAPABILITIES.map(({ name }) => name)]);
  });

  test('only what is written to can be written to', () => {
    const writable = containers.flatMap(({ name, volumeMounts = [] }) =>
      volumeMounts
        .filter(({ readOnly }) => readOnly !== true)
        .map(({ mountPath }) => `${name} ${mountPath}`),
    );
    assert.deepEqual(writable, [
      'install-cni /opt/cni/bin',
      'agent /run/poplin',
      'agent /var/lib/poplin',
      'agent /etc/cni/net.d',
      'agent /host/proc/sys/net',
    ]);
  });

  test('every volume is mounted, and every mount has a volume', () => {
    const mounts = containers.flatMap(({ volumeMounts = [] }) => volumeMounts);
    assert.deepEqual(
      new Set(mounts.map(({ name }) => name)),
      new Set(pod?.volumes?.map(({ name }) => name)),
    );
  });
});

describe('what takes Poplin away', () => {
  const manifests = readManifests('deploy/poplin-cleanup.yaml');
  const pod = one<V1DaemonSet>(manifests, 'DaemonSet').spec?.template.spec;
  const cleaner = containerOf(manifests, 'cleanup');

  test('cleans where the agent was, under its names of then', () => {
    const agentPod = one<V1DaemonSet>(plain, 'DaemonSet').spec?.template.spec;
    const hostPathOf = (container: V1Container, spec: typeof pod, path: string): string => {
      const mounts = container.volumeMounts ?? [];
      const mount = mounts.find(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
      const volume = spec?.volumes?.find(({ name }) => name === mount?.name);
      return `${volume?.hostPath?.path}${path.slice(mount?.mountPath.length)}`;
    };
    const before = parseAgentOptions([], environmentOf(agent));
    const after = parseAgentOptions([], environmentOf(cleaner));
    for (const place of ['stateDir', 'runDir', 'birdDir', 'cniConfDir', 'procSys'] as const) {
      const then = hostPathOf(agent, agentPod, before[place]);
      assert.equal(hostPathOf(cleaner, pod, after[place]), then, place);
    }
    assert.equal(hostPathOf(cleaner, pod, after.cniBinDir), '/opt/cni/bin');
    assert.equal(after.namespace, before.namespace);
  });

  test('with leases in etcd it knows where they are, and needs nothing of Kubernetes', () => {
    const [patch] = readManifests('deploy/kustomize/overlays/etcd/etcd.yaml');
    const agentPod = (patch as unknown as V1DaemonSet).spec?.template.spec;
    const env = [...(agent.env ?? []), ...(agentPod?.containers[0]?.env ?? [])];
    const before = parseAgentOptions([], environmentOf({ name: 'agent', env }));
    const ofEtcd = readManifests('deploy/poplin-cleanup-etcd.yaml');
    const after = parseAgentOptions([], environmentOf(containerOf(ofEtcd, 'cleanup')));
    assert.ok(after.etcd !== undefined);
    assert.deepEqual(after.etcd, before.etcd);
    const cleanupPod = one<V1DaemonSet>(ofEtcd, 'DaemonSet').spec?.template.spec;
    assert.equal(cleanupPod?.automountServiceAccountToken, false);
    const names = cleanupPod?.volumes?.map(({ name }) => name) ?? [];
    for (const { name } of agentPod?.volumes ?? []) assert.ok(names.includes(name), name);
  });

  test('is on every node that an agent was on, and has no rights but those', () => {
    const agentPod = one<V1DaemonSet>(plain, 'DaemonSet').spec?.template.spec;
    assert.deepEqual(pod?.tolerations, agentPod?.tolerations);
    assert.deepEqual(pod?.nodeSelector, agentPod?.nodeSelector);
    assert.equal(pod?.serviceAccountName, agentPod?.serviceAccountName);
    const added = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])].map(
      ({ securityContext }) => securityContext?.capabilities?.add,
    );
    assert.deepEqual(added, [['NET_ADMIN'], undefined]);
  });
});

test('a template uses no function but those of text/template and sprig', () => {
  const allowed = new Set([
    ...['if', 'end', 'range', 'not', 'and', 'printf'],
    ...['quote', 'toJson', 'toPrettyJson', 'toString', 'default'],
    ...['deepCopy', 'dict', 'mergeOverwrite', 'ternary'],
  ]);
  const texts = outputs().filter(({ path }) => path.includes('/templates/'));
  assert.equal(texts.length, 2);
  for (const { path, text } of texts) {
    for (const [, action = ''] of text.matchAll(/\{\{-? (.*?) -?\}\}/g)) {
      const words = action.replace(/"[^"]*"/g, '').match(/(?<![.$\w])[A-Za-z]\w*/g) ?? [];
      for (const word of words) assert.ok(allowed.has(word), `${path}: ${word} in ${action}`);
    }
  }
});
