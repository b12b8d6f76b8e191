// The three probes from one endpoint to another in one family: a small UDP packet, one of full size
// that must not be fragmented, and a TCP stream; each says which source address the receiver saw.
// Only the small one is sent again when no answer comes, since a first packet may be lost while
// neighbours resolve; that it took more than one is said. Nothing here throws for what it finds.

import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { Family } from '../../net/family.ts';
import type { Ip } from '../../net/ip.ts';
import { udpPacketBytes } from './packet-size.ts';
import { describeSocketError } from './socket-error.ts';
import type { Responders, Station } from './station.ts';
import { askByTcp } from './tcp-client.ts';
import type { UdpOutcome } from './udp-client.ts';
import { UdpClient } from './udp-client.ts';
import type { UdpArrival } from './udp-responder.ts';

export type ProbeEffects = {
  readonly clock: Clock;
  readonly stop: AbortSignal;
  /** Of each probe. */
  readonly timeoutMs: number;
  readonly nextToken: () => number;
  readonly arrivalOf: (token: number) => UdpArrival | undefined;
};

export type ProbePair = {
  readonly from: Station;
  readonly to: Station;
  readonly family: Family;
  /** Source addresses that are the sender's own. */
  readonly ownSources: readonly Ip[];
  /** The largest IP packet that the sender may send to the receiver. */
  readonly fullPacketBytes: number;
};

export type Finding = {
  readonly protocol: 'udp' | 'tcp';
  /** UDP: size of the IP packet. TCP: of the payload. */
  readonly bytes: number;
  readonly ok: boolean;
  readonly seenSource: string | null;
  /** With `ok`: that it was not the first packet which got through. */
  readonly error: string | null;
};

type Heard = Pick<Finding, 'seenSource' | 'error'>;

const SMALL_PAYLOAD_BYTES = 64;
const SMALL_ATTEMPTS = 3;
const STREAM_BYTES = 100_000;
/** Bytes that do not repeat every power of two, so that a stream in wrong order differs. */
const STREAM = Buffer.from(Array.from({ length: STREAM_BYTES }, (_, index) => index % 251));

export async function probePair(pair: ProbePair, effects: ProbeEffects): Promise<Finding[]> {
  const { netns } = pair.from;
  const responders = pair.to.responders(pair.family);
  if (typeof netns === 'string') return failAll(pair, `sender: ${netns}`);
  if (typeof responders === 'string') return failAll(pair, `receiver: ${responders}`);
  const [udp, tcp] = await Promise.all([
    probeByUdp(pair, { netns, responders }, effects),
    probeByTcp({ netns, responders }, effects),
  ]);
  return [...udp, conclude(pair, { protocol: 'tcp', bytes: STREAM_BYTES }, tcp)];
}

type Ends = { readonly netns: number; readonly responders: Responders };
type Probe = Pick<Finding, 'protocol' | 'bytes'>;

const smallProbe = ({ family }: ProbePair): Probe => ({
  protocol: 'udp',
  bytes: udpPacketBytes(family, SMALL_PAYLOAD_BYTES),
});
const fullProbe = ({ fullPacketBytes }: ProbePair): Probe => ({
  protocol: 'udp',
  bytes: fullPacketBytes,
});

const failAll = (pair: ProbePair, error: string): Finding[] =>
  [smallProbe(pair), fullProbe(pair), { protocol: 'tcp', bytes: STREAM_BYTES } as const].map(
    (probe) => ({ ...probe, ok: false, seenSource: null, error }),
  );

/** What was heard is right only when the source in it is the sender's own. */
function conclude(
  { ownSources }: ProbePair,
  probe: Probe,
  heard: Heard & { ok: boolean },
): Finding {
  const { seenSource, ok, error } = heard;
  if (seenSource === null || ownSources.some((own) => own === seenSource)) {
    return { ...probe, ok, seenSource, error };
  }
  const wrong = `the receiver saw ${seenSource}, not the sender's own ${ownSources.join(' or ')}`;
  return { ...probe, ok: false, seenSource, error: error === null ? wrong : `${wrong}; ${error}` };
}

async function probeByUdp(
  pair: ProbePair,
  { netns, responders }: Ends,
  effects: ProbeEffects,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [probe, attempts] of [
    [smallProbe(pair), SMALL_ATTEMPTS],
    [fullProbe(pair), 1],
  ] as const) {
    const token = effects.nextToken();
    // A client for each, so that what the network says late about one is not taken for the other.
    let client: UdpClient | undefined;
    try {
      client = new UdpClient(netns, responders.udp.address);
      const { clock, stop, timeoutMs } = effects;
      const ask = { token, packetBytes: probe.bytes, attempts, timeoutMs, clock, stop };
      const outcome = await client.ask(ask);
      findings.push(conclude(pair, probe, hear(outcome, effects.arrivalOf(token), effects)));
    } catch (error) {
      findings.push({ ...probe, ok: false, seenSource: null, error: describeError(error) });
    } finally {
      client?.close();
    }
  }
  return findings;
}

function hear(
  outcome: UdpOutcome,
  arrival: UdpArrival | undefined,
  { timeoutMs }: ProbeEffects,
): Heard & { ok: boolean } {
  const seenSource = arrival?.from.address ?? null;
  switch (outcome.kind) {
    case 'answered': {
      const { attempt, answer } = outcome;
      const error = attempt === 1 ? null : `answered only at attempt ${attempt}`;
      return { ok: true, seenSource: answer.seenSource, error };
    }
    case 'refused':
      return { ok: false, seenSource, error: describeSocketError(outcome.error) };
    case 'silent':
      return { ok: false, seenSource, error: silence(arrival, timeoutMs) };
  }
}

/** Which of the two ways the packet was lost. */
function silence(arrival: UdpArrival | undefined, timeoutMs: number): string {
  if (arrival === undefined) return `the packet did not arrive within ${timeoutMs} ms`;
  if (arrival.answerError === undefined) {
    return `the packet arrived, but its answer did not within ${timeoutMs} ms`;
  }
  const reason = describeSocketError(arrival.answerError);
  return `the packet arrived, but the receiver could not answer: ${reason}`;
}

async function probeByTcp(
  { netns, responders }: Ends,
  { timeoutMs, clock, stop }: ProbeEffects,
): Promise<Heard & { ok: boolean }> {
  const remote = responders.tcp.address;
  try {
    const outcome = await askByTcp({ netns, remote, payload: STREAM, timeoutMs, clock, stop });
    return outcome.kind === 'answered'
      ? { ok: true, seenSource: outcome.seenSource, error: null }
      : { ok: false, seenSource: null, error: outcome.error };
  } catch (error) {
    return { ok: false, seenSource: null, error: describeError(error) };
  }
}
