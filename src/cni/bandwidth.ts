// The `bandwidth` capability: how fast a pod may receive and send, in bits and bits per second, as
// Kubernetes' annotations ask for it. A rate of 0 is none, and a burst without a rate says nothing.
// Runtimes send the largest burst there is when nobody asked for one. Pure.

import type { Bandwidth, PodRate } from '../endpoint/attachment.ts';
import { CNI_CODES, failure } from './errors.ts';
import { valueIn } from './json.ts';
import type { Parsed } from './network-config.ts';
import { isGiven, isObject } from './network-config.ts';

/** Less than a byte a second cannot be told to the kernel. */
const RATE_MIN = 8;
/** Kubernetes' own limit, 1 Pbit/s. */
const RATE_MAX = 1e15;
/** TCA_TBF_BURST: 32 bits of bytes. CRI-O sends one bit less than a byte below. */
const BURST_MAX = 2 ** 35 - 1;

export function parseBandwidth(value: unknown): Parsed<Bandwidth | undefined> {
  if (!isGiven(value)) return { kind: 'ok', value: undefined };
  if (!isObject(value)) return refuse('runtimeConfig.bandwidth', value, 'an object');
  const ingress = parseRate('ingress', value);
  if (ingress.kind === 'failed') return ingress;
  const egress = parseRate('egress', value);
  if (egress.kind === 'failed') return egress;
  if (ingress.value === undefined && egress.value === undefined) {
    return { kind: 'ok', value: undefined };
  }
  return {
    kind: 'ok',
    value: {
      ...(ingress.value === undefined ? {} : { ingress: ingress.value }),
      ...(egress.value === undefined ? {} : { egress: egress.value }),
    },
  };
}

function parseRate(
  direction: 'ingress' | 'egress',
  value: Readonly<Record<string, unknown>>,
): Parsed<PodRate | undefined> {
  const [rateKey, burstKey] = [`${direction}Rate`, `${direction}Burst`];
  const rate = valueIn(value, rateKey) ?? 0;
  const burst = valueIn(value, burstKey) ?? 0;
  if (!isWhole(rate, RATE_MAX) || (rate !== 0 && rate < RATE_MIN)) {
    return refuse(`runtimeConfig.bandwidth.${rateKey}`, rate, '0 or 8 to 1e15 bits per second');
  }
  if (!isWhole(burst, BURST_MAX)) {
    return refuse(`runtimeConfig.bandwidth.${burstKey}`, burst, `0 to ${BURST_MAX} bits`);
  }
  if (rate === 0) return { kind: 'ok', value: undefined };
  return { kind: 'ok', value: { bitsPerSecond: rate, burstBits: burst } };
}

const isWhole = (value: unknown, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;

function refuse(key: string, value: unknown, right: string): Parsed<never> {
  const details = `${key} is ${JSON.stringify(value)}; it must be ${right}`;
  const message = 'invalid network configuration';
  return { kind: 'failed', failure: failure(CNI_CODES.invalidConfig, message, details) };
}
