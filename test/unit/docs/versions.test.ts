// The version is in one place, package.json. Where a page or a file of deploy/ has to name it, as
// the tag of an image that people copy, it is that one; and the image is built again for another.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../deploy/manifests.ts';
import { PAGES } from './pages.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const { version } = JSON.parse(read('package.json')) as { readonly version: string };

const DEPLOYED = readdirSync(join(ROOT, 'deploy'), { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(yaml|json|sh|service|md|txt)$/.test(path))
  .map((path) => `deploy/${path}`);

/** A tag of ours, the version of the chart, of a status, or of the program. */
const NAMED =
  /\b(?:poplin(?:-bird)?[: -]v?|(?:appV|v)ersion"?: "?)(\d+\.\d+\.\d+(?:[-+][\w.]*\w)?)/g;

const namedIn = (path: string): string[] =>
  [...read(path).matchAll(NAMED)].map(([, named = '']) => `${path} ${named}`);

test('each version that pages and deploy/ name is that of package.json', () => {
  const named = [...PAGES, ...DEPLOYED].flatMap(namedIn);
  for (const path of ['docs/install.md', 'docs/kind.md', 'docs/status.md', 'deploy/poplin.yaml']) {
    assert.ok(
      named.some((one) => one.startsWith(`${path} `)),
      path,
    );
  }
  assert.deepEqual(
    named.filter((one) => !one.endsWith(` ${version}`)),
    [],
  );
});

test('the lock file is of that version', () => {
  const lock = JSON.parse(read('package-lock.json')) as {
    readonly version: string;
    readonly packages: { readonly '': { readonly version: string } };
  };
  assert.deepEqual([lock.version, lock.packages[''].version], [version, version]);
});

test('an image is older than something of what the Dockerfile copies: it is built again', () => {
  const [, listed = ''] = /find ([^"]*?) -newer/.exec(read('scripts/image.sh')) ?? [];
  const watched = listed.replaceAll('\\\n', ' ').split(/\s+/);
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--)(.*) \S+$/gm)].flatMap(
    ([, paths = '']) => paths.split(' '),
  );
  assert.ok(copied.includes('package.json'));
  for (const path of copied) {
    const isWatched = watched.some((one) => one === path || one.startsWith(`${path}/`));
    assert.ok(isWatched, `scripts/image.sh does not look at ${path}`);
  }
});
