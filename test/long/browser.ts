// A browser for tests: Debian's chromium without a window, driven by its own protocol over a
// WebSocket on the loopback. It has a directory of its own, asks nobody but the page under test,
// and is ended whatever the test did.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../lab/lab.ts';

const PROGRAMS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];
const START_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 60_000;

type Json = Readonly<Record<string, unknown>>;
type Waiting = { readonly resolve: (result: Json) => void; readonly reject: (why: Error) => void };

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  ...['--no-first-run', '--disable-extensions', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--no-pings', '--mute-audio'],
  // Every name leads nowhere: only addresses are asked.
  ...['--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1', '--proxy-server=direct://'],
  ...['--remote-debugging-port=0', '--remote-debugging-address=127.0.0.1'],
];

export class Browser implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  /** What the page has complained about: errors, and refusals by its policy. */
  readonly complaints: string[] = [];
  #sent = 0;

  private constructor(child: ChildProcess, directory: string, socket: WebSocket) {
    this.#child = child;
    this.#directory = directory;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
  }

  static async open(url: string): Promise<Browser> {
    const program = PROGRAMS.find((path) => existsSync(path));
    assert.ok(program !== undefined, 'there is no chromium: sh scripts/setup.sh long');
    const directory = mkdtempSync(join(tmpdir(), 'poplin-browser-'));
    const child = spawn(program, [...FLAGS, `--user-data-dir=${directory}`, 'about:blank'], {
      stdio: 'ignore',
      // Debian's program is a script: its whole group is ended, not the script alone.
      detached: true,
    });
    try {
      const port = await portIn(directory);
      const targets = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [target] = (await targets.json()) as { readonly webSocketDebuggerUrl: string }[];
      const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
      await once(socket, 'open');
      const browser = new Browser(child, directory, socket);
      for (const domain of ['Page', 'Runtime', 'Log', 'DOM', 'Accessibility']) {
        await browser.send(`${domain}.enable`);
      }
      const { errorText } = await browser.send('Page.navigate', { url });
      assert.equal(errorText, undefined, url);
      return browser;
    } catch (error) {
      await end(child, directory);
      throw error;
    }
  }

  send(method: string, params: Json = {}): Promise<Json> {
    this.#sent += 1;
    const id = this.#sent;
    const { promise, resolve, reject } = Promise.withResolvers<Json>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params }));
    const late = setTimeout(() => reject(new Error(`${method}: no answer`)), ANSWER_TIMEOUT_MS);
    return promise.finally(() => clearTimeout(late));
  }

  /** The value of an expression in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', params)) as {
      readonly result: { readonly value: Value };
      readonly exceptionDetails?: Json;
    };
    assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
    return result.value;
  }

  /** Until an expression in the page is true. */
  async until(what: string, expression: string, timeoutMs = START_TIMEOUT_MS): Promise<void> {
    await until(what, () => this.evaluate<boolean>(`Boolean(${expression})`), timeoutMs);
  }

  async press(key: 'Tab' | 'Enter' | 'ArrowDown' | 'ArrowRight' | 'ArrowLeft'): Promise<void> {
    const codes = { Tab: 9, Enter: 13, ArrowLeft: 37, ArrowRight: 39, ArrowDown: 40 };
    const common = { key, code: key, windowsVirtualKeyCode: codes[key] };
    await this.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', ...common });
    await this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  }

  async colourScheme(value: 'light' | 'dark'): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value }];
    await this.send('Emulation.setEmulatedMedia', { features });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await end(this.#child, this.#directory);
  }

  #take(text: string): void {
    const { id, result, error, method, params } = JSON.parse(text) as {
      readonly id?: number;
      readonly result?: Json;
      readonly error?: { readonly message: string };
      readonly method?: string;
      readonly params?: Json;
    };
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') {
      this.complaints.push(JSON.stringify(params));
    }
    const waiting = this.#waiting.get(id ?? -1);
    if (waiting === undefined) return;
    this.#waiting.delete(id ?? -1);
    if (error !== undefined) waiting.reject(new Error(error.message));
    else waiting.resolve(result ?? {});
  }
}

/** The browser writes the port that the kernel gave it. */
async function portIn(directory: string): Promise<string> {
  const file = join(directory, 'DevToolsActivePort');
  const read = (): string | false =>
    existsSync(file) && (readFileSync(file, 'utf8').split('\n')[0] ?? '');
  return until('the browser listens', () => read() || false, START_TIMEOUT_MS);
}

async function end(child: ChildProcess, directory: string): Promise<void> {
  const { pid, exitCode, signalCode } = child;
  if (pid !== undefined && exitCode === null && signalCode === null) {
    const ended = once(child, 'exit');
    process.kill(-pid, 'SIGKILL');
    await ended;
  }
  // Its children write for a moment longer.
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
