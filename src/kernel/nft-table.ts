// Loads the structure of our nftables table as text, by `nft -f -` inside the namespace, in one
// transaction that replaces the rules and keeps the table: deleting a table drops the packets that
// wait in anybody's nfqueue. The elements of named sets are no part of the text and stay.

import { spawn } from 'node:child_process';
import { AppError, describeError } from '../lib/errors.ts';
import type { Op } from '../state/op.ts';
import { NFT_TABLE } from '../state/own.ts';
import { describeOp } from './describe-op.ts';
import type { OpFailure } from './kernel.ts';
import { inOptionalNetns } from './netns.ts';
import type { Session } from './session.ts';

export type NftTableOp = Op & { readonly object: 'nft-table' };

const TIMEOUT_MS = 30_000;
const ERROR_TEXT_MAX = 4096;
/** A table must be there to be deleted; declaring one that is there changes nothing. */
const REMOVE_TEXT = `table inet ${NFT_TABLE}\ndelete table inet ${NFT_TABLE}\n`;

export async function applyNftTable(session: Session, op: NftTableOp): Promise<OpFailure[]> {
  let failure = await runNft(session, op.verb === 'remove' ? REMOVE_TEXT : op.value.text);
  // What stands there does not go together with the text, as a set that changes its type: only then
  // the old table goes, in the same transaction as the new one comes.
  if (failure !== '' && op.verb !== 'remove') {
    failure = await runNft(session, REMOVE_TEXT + op.value.text);
  }
  return failure === '' ? [] : [{ op, error: new AppError('NFT', describeOp(op), failure) }];
}

/** '' or the error text of nft. */
function runNft(session: Session, input: string): Promise<string> {
  return new Promise((resolve) => {
    // The child is forked before `spawn` returns, so it starts in the namespace.
    const child = inOptionalNetns(session.netns, () =>
      spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'], timeout: TIMEOUT_MS }),
    );
    if (child.pid !== undefined) session.observer?.processWorks(child.pid);
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length < ERROR_TEXT_MAX) text += chunk;
    });
    child.on('error', (error) => resolve(`nft cannot be run: ${describeError(error)}`));
    child.on('close', (code, signal) => {
      const ending = signal === null ? `exit code ${code}` : `ended by ${signal}`;
      resolve(code === 0 ? '' : text.trim().slice(0, ERROR_TEXT_MAX) || ending);
    });
    // An nft that ends early has said why on its standard error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
