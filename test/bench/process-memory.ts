// What a process holds in memory, by /proc/PID/status (proc(5)), in MiB.

import { readFileSync } from 'node:fs';

export type ProcessMemory = {
  readonly residentMiB: number;
  readonly anonymousMiB: number;
  readonly fileMiB: number;
  /** The most that was ever resident. */
  readonly highWaterMiB: number;
};

export const readMemory = (processId: number): ProcessMemory =>
  parseMemory(readFileSync(`/proc/${processId}/status`, 'utf8'));

export function parseMemory(status: string): ProcessMemory {
  const field = (name: string): number => {
    const match = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(status);
    if (match === null) throw new Error(`/proc/PID/status has no ${name}`);
    return Number(match[1]) / 1024;
  };
  return {
    residentMiB: field('VmRSS'),
    anonymousMiB: field('RssAnon'),
    fileMiB: field('RssFile'),
    highWaterMiB: field('VmHWM'),
  };
}
