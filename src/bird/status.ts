// `show status`: which BIRD it is, since when it runs and by which configuration, and whether it is
// still getting its routes back after a restart. Pure; throws BirdDecodeError.

import { secondsSince } from './bird-time.ts';
import { BirdDecodeError } from './decode-error.ts';
import type { BirdReply } from './reply.ts';
import { textsOf } from './reply.ts';

export type BirdStatus = {
  readonly version: string;
  readonly routerId: string;
  /** BIRD's own clock, in its own words; see bird-time.ts. */
  readonly now: string;
  readonly startedAt: string;
  readonly configuredAt: string;
  readonly upSeconds: number;
  /** `changing`: the newest configuration has not been taken in whole. */
  readonly state: 'running' | 'changing' | 'ending';
  /** While routes of before a restart are kept, until all neighbours have said theirs. */
  readonly recovery: { readonly waitsForChannels: number } | undefined;
};

const VERSION_CODE = 1000;
const STATUS_CODE = 1011;
const RECOVERY_CODE = 24;
const END_CODE = 13;

const STATES = new Map<string, BirdStatus['state']>([
  ['Daemon is up and running', 'running'],
  ['Reconfiguration in progress', 'changing'],
  ['Shutdown in progress', 'ending'],
]);

export function parseStatus(reply: BirdReply): BirdStatus {
  const [version = ''] = textsOf(reply, VERSION_CODE);
  const details = textsOf(reply, STATUS_CODE);
  const detail = (name: string): string => {
    const found = details.find((text) => text.startsWith(`${name} `));
    if (found === undefined) throw new BirdDecodeError(`no "${name}" in show status`, version);
    return found.slice(name.length + 1);
  };
  const last = reply.lines.at(-1)?.text ?? '';
  const state = STATES.get(last);
  if (reply.code !== END_CODE || state === undefined || !version.startsWith('BIRD ')) {
    throw new BirdDecodeError('no answer to show status', last);
  }
  const now = detail('Current server time is');
  const startedAt = detail('Last reboot on');
  const upSeconds = secondsSince(startedAt, now);
  if (upSeconds === undefined) throw new BirdDecodeError('unknown format of time', startedAt);
  const waiting = textsOf(reply, RECOVERY_CODE)
    .map((text) => /^ *Waiting for (\d+) channels to recover$/.exec(text)?.[1])
    .find((count) => count !== undefined);
  return {
    version: version.slice('BIRD '.length),
    routerId: detail('Router ID is'),
    now,
    startedAt,
    configuredAt: detail('Last reconfiguration on'),
    upSeconds,
    state,
    recovery: waiting === undefined ? undefined : { waitsForChannels: Number(waiting) },
  };
}
