// Writes the manifests, the kustomize overlays and the Helm chart below deploy/, all of them from
// the one source in scripts/deploy/. Other files there stay. Usage: npm run deploy

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { outputs } from './deploy/outputs.ts';

const root = join(import.meta.dirname, '..');

for (const { path, text } of outputs()) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stdout.write(`${path}\n`);
}
