// The etcd of a lab: an operator with a way of his own into it, its death by its process, and its
// start on the data that it had; what is written and forgotten in it, and who gets through to it.

import assert from 'node:assert/strict';
import { Etcd3 } from 'etcd3';
import { labEtcdUrl, startEtcd } from '../../src/lab/etcd.ts';
import type { LabProcess } from '../../src/lab/processes.ts';
import { isAlive, sendSignal } from '../../src/lab/processes.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Operator } from '../system/etcd/setting.ts';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';

const PREFIX = '/coreos.com/network';
const KEYS_PER_ROUND = 20;

const processOf = ({ directory }: TestLab): LabProcess =>
  directory.process('etcd') ?? assert.fail('the lab has no etcd');

export async function withOperator<Result>(
  { directory }: TestLab,
  work: (operator: Operator) => Promise<Result>,
): Promise<Result> {
  const etcd = new Etcd3({ hosts: labEtcdUrl(directory) });
  try {
    return await work(new Operator(etcd, PREFIX));
  } finally {
    etcd.close();
  }
}

export async function killEtcd(lab: TestLab): Promise<void> {
  const etcd = processOf(lab);
  sendSignal(etcd, 'SIGKILL');
  await until('etcd ends', () => !isAlive(etcd));
}

/** Names of keys that say something of a node, or of its subnet. */
export const keysOf = (lab: TestLab, node: string, subnet: string): Promise<readonly string[]> =>
  withOperator(lab, async ({ etcd }) => {
    const keys = await etcd.getAll().prefix(`${PREFIX}/`).keys();
    const parts = [`/${node}`, ...(subnet === '' ? [] : [`/${subnet.replace('/', '-')}`])];
    return keys.filter((key) => parts.some((part) => key.endsWith(part)));
  });

/** Resolves when it serves again. */
export const restartEtcd = ({ plan, directory }: TestLab): Promise<void> =>
  startEtcd(plan, directory, systemClock);

/** Nobody but the operator gets through to etcd while `work` runs. */
export async function whileCutOff(lab: TestLab, work: () => Promise<void>): Promise<void> {
  const nft = (rules: string): string => lab.runIn(lab.plan.fabricNetns, ['nft', rules]);
  nft(
    'table inet cut { chain in { type filter hook input priority 0; ' +
      'tcp dport 2379 reject with tcp reset; }; }',
  );
  try {
    await work();
  } finally {
    nft('delete table inet cut');
  }
}

/** Writes much, and forgets all that was before. */
export const writeAndCompact = (lab: TestLab, round: number): Promise<void> =>
  withOperator(lab, async (operator) => {
    for (let each = 0; each < KEYS_PER_ROUND; each += 1) {
      await operator.put(`${PREFIX}/load/${each}`, String(round));
    }
    await operator.compact();
  });
