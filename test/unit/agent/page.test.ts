// The web page as it is served: only where it is switched on, only to be read, with a policy that
// lets nothing in from elsewhere, and only for hosts that are ours.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Registry } from 'prom-client';
import type { AdminViews } from '../../../src/agent/admin-server.ts';
import { listenMetrics } from '../../../src/agent/admin-server.ts';
import { isOwnHost, pacedText, pageDirectory } from '../../../src/agent/page.ts';
import type { ClusterOverview } from '../../../src/cluster/overview.ts';
import { FakeClock } from '../../fake/clock.ts';

const OVERVIEW: ClusterOverview = { schema: 1, at: '2026-01-01T00:00:00.000Z', nodes: [] };
const clusterText = (): string => JSON.stringify(OVERVIEW);
const FILES = ['index.html', 'page.css', 'icon.svg'] as const;
const source = (name: string): string =>
  readFileSync(new URL(`../../../src/web/${name}`, import.meta.url), 'utf8');

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
};

/** Work takes its time. */
class SlowClock extends FakeClock {
  #workedMs = 0;

  work(ms: number): void {
    this.#workedMs += ms;
  }

  override monotonicMs(): number {
    return super.monotonicMs() + this.#workedMs;
  }
}

class Bench implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'poplin-page-'));
  #server: Server | undefined;

  async start(isOn: boolean): Promise<void> {
    for (const name of FILES) writeFileSync(join(this.#directory, name), source(name));
    const views: AdminViews = {
      registry: new Registry(),
      status: () => assert.fail('the status is not asked for'),
      unhealthy: () => undefined,
      unready: () => undefined,
      ...(isOn ? { page: { directory: this.#directory, clusterText } } : {}),
    };
    this.#server = await listenMetrics({ host: '127.0.0.1', port: 0 }, views);
  }

  ask(path: string, { method = 'GET', host = '127.0.0.1' } = {}): Promise<Answer> {
    assert.ok(this.#server !== undefined);
    const { port } = this.#server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, method, headers: { host }, agent: false };
      const call = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        });
      });
      call.on('error', reject);
      call.end();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.close();
    rmSync(this.#directory, { recursive: true });
  }
}

describe('the page', () => {
  test('is not there unless it is switched on', async () => {
    await using bench = new Bench();
    await bench.start(false);
    for (const path of ['/', '/index.html', '/page.js', '/cluster.json']) {
      assert.equal((await bench.ask(path)).status, 404, path);
    }
    assert.equal((await bench.ask('/healthz')).status, 200);
  });

  test('is served with a policy that lets nothing in from elsewhere', async () => {
    await using bench = new Bench();
    await bench.start(true);
    for (const path of ['/', '/page.css', '/icon.svg', '/cluster.json']) {
      const { status, headers } = await bench.ask(path);
      assert.equal(status, 200, path);
      assert.match(String(headers['content-security-policy']), /^default-src 'none'; /);
      assert.doesNotMatch(String(headers['content-security-policy']), /unsafe|\*|https?:/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
    assert.deepEqual(JSON.parse((await bench.ask('/cluster.json')).body), OVERVIEW);
    assert.match(String((await bench.ask('/')).headers['content-type']), /^text\/html/);
  });

  test('is only read, and only what it consists of', async () => {
    await using bench = new Bench();
    await bench.start(true);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      assert.equal((await bench.ask('/cluster.json', { method })).status, 405, method);
    }
    for (const path of ['/../package.json', '/%2e%2e/x', '/status', '//etc/passwd', '/page.ts']) {
      assert.equal((await bench.ask(path)).status, 404, path);
    }
    // The file of the test's directory that is not there.
    const { status, body } = await bench.ask('/page.js');
    assert.equal(status, 500);
    assert.match(body, /the page is not built/);
  });

  test('is not shown to who was led here by a name of somebody else', async () => {
    await using bench = new Bench();
    await bench.start(true);
    for (const host of ['evil.example', 'evil.example:9113', '127.0.0.1.evil.example']) {
      assert.equal((await bench.ask('/cluster.json', { host })).status, 403, host);
    }
    for (const host of [
      'localhost:9113',
      '127.0.0.1:9113',
      '[::1]:9113',
      '192.0.2.7',
      '[fd00::1]',
    ]) {
      assert.ok(isOwnHost(host), host);
    }
  });

  test('loads nothing from elsewhere, and has nothing inline', () => {
    for (const name of FILES) {
      const text = source(name).replaceAll('http://www.w3.org/2000/svg', '');
      assert.doesNotMatch(text, /https?:|\/\/[a-z]|@import|url\(|\son\w+=|\sstyle=/, name);
    }
    assert.doesNotMatch(source('index.html'), /<script(?![^>]*\ssrc=)|<style/);
  });

  test('of thousands of nodes takes no more than a tenth of the time, whoever watches', async () => {
    const clock = new SlowClock();
    let looks = 0;
    const text = pacedText(() => {
      looks += 1;
      clock.work(200);
      return { ...OVERVIEW, at: String(looks) };
    }, clock);
    const seen: string[] = [];
    for (let ms = 0; ms < 4_400; ms += 100) {
      seen.push((JSON.parse(text()) as ClusterOverview).at);
      await clock.advance(100);
    }
    assert.equal(looks, 3);
    assert.deepEqual([seen[0], seen[19], seen[20], seen.at(-1)], ['1', '1', '2', '3']);
  });

  test('of few nodes is as of now', async () => {
    const clock = new SlowClock();
    let looks = 0;
    const text = pacedText(() => {
      looks += 1;
      return OVERVIEW;
    }, clock);
    for (let times = 0; times < 5; times += 1) text();
    assert.equal(looks, 5);
  });

  test('lies beside the bundle, wherever that is', () => {
    assert.equal(pageDirectory('/poplin/bin/poplin'), '/poplin/bin/web');
    assert.equal(pageDirectory('/x/dist/poplin.cjs'), '/x/dist/web');
    assert.equal(pageDirectory('/x/src/main.ts'), '/x/dist/web');
  });
});
