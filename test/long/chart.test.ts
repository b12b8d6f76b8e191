// The Helm chart, rendered by what Helm renders with: Go's text/template and sprig, of Debian's
// packages. With the default values it is the plain manifest, object for object; other values do
// what they say.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { V1ConfigMap, V1DaemonSet } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { DEFAULTS } from '../../scripts/deploy/parameters.ts';
import type { Manifest } from '../unit/deploy/manifests.ts';
import {
  containerOf,
  environmentOf,
  one,
  parseManifests,
  ROOT,
  readManifests,
} from '../unit/deploy/manifests.ts';
import { schemaProblems } from '../unit/deploy/schema.ts';

const CHART = join(ROOT, 'deploy/helm/poplin');
const directory = mkdtempSync(join(tmpdir(), 'poplin-chart-'));
const renderer = join(directory, 'render');
const BUILD_TIMEOUT_MS = 600_000;

type Values = { readonly [key: string]: unknown };
const defaults = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Values;
const chart = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Values;

before(
  () => {
    const sprig = join(ROOT, '.cache/sprig/usr/share/gocode');
    const env = {
      ...{ ...process.env, GOPATH: sprig, GO111MODULE: 'off', GOFLAGS: '', CGO_ENABLED: '0' },
      GOCACHE: join(ROOT, '.cache/go-build'),
      PATH: `/usr/lib/go-1.19/bin:/usr/lib/go/bin:${process.env.PATH}`,
    };
    const source = join(import.meta.dirname, 'chart/render.go');
    execFileSync('go', ['build', '-o', renderer, source], { env, stdio: 'pipe' });
  },
  { timeout: BUILD_TIMEOUT_MS },
);
after(() => rmSync(directory, { recursive: true }));

/** Values are laid over the defaults one level deep, as far as the tests need it. */
function render(values: Readonly<Record<string, Values | string | readonly unknown[]>> = {}) {
  const merged = { ...defaults };
  for (const [key, value] of Object.entries(values)) {
    const before = defaults[key];
    const isMap = typeof value === 'object' && !Array.isArray(value);
    merged[key] = isMap && key !== 'netConf' ? { ...(before as Values), ...value } : value;
  }
  const Chart = { Name: chart.name, AppVersion: chart.appVersion };
  const input = JSON.stringify({ Values: merged, Chart });
  const text = ['poplin.yaml', 'admission.yaml'].map((name) =>
    execFileSync(renderer, [join(CHART, 'templates', name)], { input, encoding: 'utf8' }),
  );
  return parseManifests(text.join('\n'));
}

/** The text of net-conf.json as what it says: Go and we lay it out differently. */
const readConfig = (manifests: readonly Manifest[]): unknown[] =>
  manifests.map((manifest) => {
    if (manifest.kind !== 'ConfigMap') return manifest;
    const { data, ...rest } = manifest as unknown as V1ConfigMap;
    return { ...rest, data: JSON.parse(data?.['net-conf.json'] ?? '') };
  });

test('with the default values it is the plain manifest', () => {
  assert.deepEqual(readConfig(render()), readConfig(readManifests('deploy/poplin.yaml')));
});

test('with the admission policy it is that of deploy/', () => {
  const rendered = render({ admission: { enabled: true } }).slice(-2);
  assert.deepEqual(rendered, readManifests('deploy/poplin-admission.yaml'));
});

test('each Secret of passwords is mounted by its name, whatever it is', () => {
  const long = `tor.${'x'.repeat(80)}`;
  const manifests = render({ bgp: { passwordSecrets: ['bgp-passwords', long] } });
  const isOurs = ({ name }: { readonly name: string }) => name.startsWith('bgp-passwords-');
  assert.deepEqual(
    containerOf(manifests, 'agent').volumeMounts?.filter(isOurs),
    ['bgp-passwords', long].map((name, index) => ({
      ...{ name: `bgp-passwords-${index}`, mountPath: `/etc/poplin/bgp-passwords/${name}` },
      readOnly: true,
    })),
  );
  const pod = one<V1DaemonSet>(manifests, 'DaemonSet').spec?.template.spec;
  assert.deepEqual(
    pod?.volumes?.filter(isOurs),
    ['bgp-passwords', long].map((secretName, index) => ({
      name: `bgp-passwords-${index}`,
      secret: { secretName, defaultMode: 0o400, optional: true },
    })),
  );
});

test('with BIRD the agent asks for the memory that it takes then, and for all else as before', () => {
  const resources = { requests: { cpu: '1', memory: '1Mi' }, limits: { memory: '1Gi' } };
  const asked = containerOf(render({ resources, bird: { enabled: true } }), 'agent').resources;
  const { memory } = DEFAULTS.bird.agentResources.requests;
  assert.deepEqual(asked, { ...resources, requests: { cpu: '1', memory } });
  assert.deepEqual(containerOf(render({ resources }), 'agent').resources, resources);
});

test('every value does what it says, and the API knows the fields', () => {
  const manifests = render({
    namespace: { name: 'net', create: false },
    image: { repository: 'registry.example/poplin', tag: '9', pullPolicy: 'Always' },
    netConf: { Network: '10.1.0.0/16', Backend: { Type: 'bgp' }, BGP: { AS: 4_200_000_000 } },
    apiServer: { host: 'api.example' },
    extraEnv: [{ name: 'POPLIN_IFACE', value: 'eth1' }],
    maxUnavailable: '10%',
    bird: { enabled: true },
    etcd: { enabled: true, secretName: 'etcd-tls' },
    admission: { enabled: true },
  });
  for (const manifest of manifests) {
    const model = `V1${manifest.kind}`;
    assert.deepEqual(schemaProblems(manifest, model), []);
    assert.ok(['net', undefined].includes(manifest.metadata.namespace));
  }
  const kinds = manifests.map(({ kind }) => kind);
  for (const absent of ['Namespace', 'ClusterRole', 'Role']) assert.ok(!kinds.includes(absent));
  const agent = containerOf(manifests, 'agent');
  assert.equal(agent.image, 'registry.example/poplin:9');
  const environment = environmentOf(agent);
  assert.equal(environment.POPLIN_IFACE, 'eth1');
  assert.equal(environment.KUBERNETES_SERVICE_HOST, 'api.example');
  assert.equal(environment.KUBERNETES_SERVICE_PORT, '6443');
  assert.equal(environment.POPLIN_DATASTORE, 'etcd');
  assert.match(containerOf(manifests, 'bird').image ?? '', /^poplin-bird:\d/);
  const spec = one<V1DaemonSet>(manifests, 'DaemonSet').spec;
  assert.equal(spec?.updateStrategy?.rollingUpdate?.maxUnavailable, '10%');
  assert.equal(spec?.template.spec?.automountServiceAccountToken, false);
  const config = one<V1ConfigMap>(manifests, 'ConfigMap').data?.['net-conf.json'] ?? '';
  assert.equal(JSON.parse(config).BGP.AS, 4_200_000_000);
});
