// Passwords of BGP sessions: what the overlay and the chart mount is where the agent looks, without
// another word, and a Secret that is missing keeps no pod from starting. The chart with values is
// rendered in test/long.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { V1DaemonSet } from '@kubernetes/client-node';
import { valuesSchema } from '../../../scripts/deploy/chart.ts';
import { PASSWORD_SECRET } from '../../../scripts/deploy/passwords.ts';
import { parseAgentOptions } from '../../../src/cli/agent-options.ts';
import { explainSecretName } from '../../../src/config/bgp-text.ts';
import { containerOf, environmentOf, ROOT, readManifests } from './manifests.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const OVERLAY = 'deploy/kustomize/overlays/bgp';

test('the overlay bgp mounts a Secret where the agent looks for passwords', () => {
  assert.match(read(`${OVERLAY}/kustomization.yaml`), /^ {2}- passwords\.yaml$/m);
  const [patch] = readManifests(`${OVERLAY}/passwords.yaml`);
  const pod = (patch as unknown as V1DaemonSet).spec?.template.spec;
  const agent = containerOf(readManifests('deploy/kustomize/agent/poplin.yaml'), 'agent');
  const { bgpPasswordsDir } = parseAgentOptions([], environmentOf(agent));
  const [container, ...more] = pod?.containers ?? [];
  assert.deepEqual([container?.name, more], ['agent', []]);
  const mountPath = join(bgpPasswordsDir, PASSWORD_SECRET);
  assert.deepEqual(container?.volumeMounts, [{ name: 'bgp-passwords', mountPath, readOnly: true }]);
  const secret = { secretName: PASSWORD_SECRET, defaultMode: 0o400, optional: true };
  assert.deepEqual(pod?.volumes, [{ name: 'bgp-passwords', secret }]);
});

test('the documentation says which Secret that is, and what mounts others', () => {
  const page = read('docs/configuration.md');
  for (const words of [
    `create secret generic ${PASSWORD_SECRET} `,
    `"Name": "${PASSWORD_SECRET}"`,
    'bgp.passwordSecrets',
    `${OVERLAY}/passwords.yaml`,
  ]) {
    assert.ok(page.includes(words), words);
  }
});

test('the chart takes names of Secrets, and of nothing else', () => {
  const text = JSON.stringify(valuesSchema());
  const pattern = /"passwordSecrets":\{.*?"pattern":("[^"]*")/.exec(text)?.[1] ?? '';
  const taken = new RegExp(JSON.parse(pattern) as string);
  for (const name of ['bgp-passwords', 'a.b', '', 'A', 'a/b', '-a', 'a-', 'a_b', 'x'.repeat(254)]) {
    assert.equal(taken.test(name), explainSecretName(name) === undefined, name);
  }
});
