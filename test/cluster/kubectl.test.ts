// The same kubectl commands on a real cluster and on the embedded API: what they say and how they
// exit must be equal, by the kubectl that was built with the cluster and by the machine's own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { portOf, startTestApi } from '../fake/kubernetes-api.ts';
import { kubernetesDirectory, startCluster } from './cluster.ts';
import type { KubectlCommand } from './kubectl-commands.ts';
import { KUBECTL_COMMANDS } from './kubectl-commands.ts';

type Place = { readonly kubectl: string; readonly kubeconfig: string; readonly home: string };

/** Exit code and all that was said. */
function run({ kubectl, kubeconfig, home }: Place, [words, input]: KubectlCommand) {
  const environment = {
    ...{ HOME: home, KUBECONFIG: kubeconfig, PATH: process.env.PATH ?? '' },
    KUBE_EDITOR: 'sed -i s/^..a:.*/\\ \\ a:\\ edited/',
  };
  return new Promise<string>((resolve, reject) => {
    const argv = words.replaceAll('"\\n"', '"\u0000"').split(' ');
    const child = spawn(
      kubectl,
      argv.map((word) => word.replaceAll('\u0000', '\\n')),
      { env: environment, timeout: 120_000 },
    );
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece: Buffer) => {
        said += piece.toString();
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      const text = normal(`exit ${code}\n${said}`);
      // Older ones show the members of a map in no order.
      resolve(words.includes('describe cm') ? text.split('\n').sort().join('\n') : text);
    });
    child.stdin.end(input ?? '');
  });
}

/** Without what must differ: times, ages, names of temporary files, identities, revisions. */
const normal = (said: string): string =>
  said
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d{4}( UTC)?|Z)?/g, '<time>')
    .replace(/\b\d+m?s\b/g, '<age>')
    .replace(/\/(LIVE|MERGED)-\d+/g, '/$1')
    .replace(/(resourceVersion: )"\d+"/g, '$1<revision>');

const kubeconfigFor = (port: number): string =>
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'lab' },
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
    clusters: [{ name: 'lab', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'lab', user: {} }],
  });

test('kubectl says the same of the embedded API as of a real one', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'poplin-kubectl-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const cluster = await startCluster();
  context.after(() => cluster.stop());
  const api = await startTestApi({ namespaces: [] });
  context.after(() => api.stop());
  const kubeconfig = join(directory, 'embedded');
  writeFileSync(kubeconfig, kubeconfigFor(portOf(api)));
  const differ: { readonly command: string; readonly real: string; readonly embedded: string }[] =
    [];
  for (const kubectl of [join(kubernetesDirectory(), 'kubectl'), 'kubectl']) {
    for (const command of KUBECTL_COMMANDS) {
      const [real, embedded] = await Promise.all([
        run({ kubectl, kubeconfig: cluster.kubeconfig, home: join(directory, 'r') }, command),
        run({ kubectl, kubeconfig, home: join(directory, 'e') }, command),
      ]);
      if (embedded !== real) differ.push({ command: `${kubectl} ${command[0]}`, real, embedded });
    }
  }
  assert.deepEqual(differ, []);
});
