// A program of the control plane as a child process: its words are kept for the case that it fails,
// and it ends with the test. Ports are free ones of the loopback.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #words = '';

  constructor(file: string, argv: readonly string[]) {
    this.#name = file;
    this.#child = spawn(file, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', resolve);
      this.#child.on('close', resolve);
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (piece: Buffer) => {
        this.#words = (this.#words + piece.toString()).slice(-4_000);
      });
    }
  }

  /** Throws, with its last words, when it runs no longer. */
  assertRunning(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new Error(`${this.#name} has ended: ${this.#words}`);
  }

  get lastWords(): string {
    return this.#words;
  }

  /** At once: the API server would drain its connections for a long time. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0));
    });
  });
