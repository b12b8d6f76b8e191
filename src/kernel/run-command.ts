// Runs a program to its end, with text in and text out. For nft where its text is the interface;
// nothing on the data path starts a process.

import { spawn } from 'node:child_process';
import type { RunCommand } from './foreign-firewall.ts';

/** A program that hangs must not hang the agent. */
const TIMEOUT_MS = 20_000;

export const runCommand: RunCommand = ([program, ...args], { stdin = '', stop }) =>
  new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(TIMEOUT_MS);
    const signal = stop === undefined ? limit : AbortSignal.any([limit, stop]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], signal });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      resolve({ exitCode: code ?? -1, stdout: text(out), stderr: text(err) });
    });
    // A program that ends without reading its input is not an error of ours.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
