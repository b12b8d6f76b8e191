// Replies of BIRD's control socket, from bytes to lines with their codes (BIRD's nest/cli.c): the
// last line of a reply is `NNNN text`, those before it are `NNNN-text`, or ` text` where the code
// is that of the line before. Lines that begin with `+` are messages that nobody here has asked
// for. Strict and bounded: whatever else comes ends in a BirdDecodeError. Pure.

import { BirdDecodeError } from './decode-error.ts';

export type ReplyLine = { readonly code: number; readonly text: string };

export type BirdReply = {
  /** Of the last line: it says how the command ended. */
  readonly code: number;
  /** All lines; the last one is the final one, whose text may be empty. */
  readonly lines: readonly ReplyLine[];
};

/** Codes of src/client/reply_codes of BIRD from here on are refusals. */
const REFUSED_CODE = 8000;

/** Ten thousand sessions with two channels each. */
const REPLY_MAX_BYTES = 64 * 1024 * 1024;
const LINE_MAX_BYTES = 64 * 1024;
const CODE_LENGTH = 4;
const NEWLINE = 0x0a;

export const isRefused = ({ code }: BirdReply): boolean => code >= REFUSED_CODE;

/** What BIRD says in the end, or of the first refusal before it. */
export function wordsOf({ lines }: BirdReply): string {
  const said = lines.filter(({ code }) => code >= REFUSED_CODE).map(({ text }) => text.trim());
  return said.join('; ') || (lines.at(-1)?.text.trim() ?? '');
}

/** The texts of the lines with this code. */
export const textsOf = ({ lines }: BirdReply, code: number): string[] =>
  lines.filter((line) => line.code === code).map(({ text }) => text);

/** Takes bytes as they come, and gives whole replies. */
export class ReplyDecoder {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #lines: ReplyLine[] = [];
  #replyBytes = 0;

  /** Throws BirdDecodeError, after which it must not be used any more. */
  push(bytes: Buffer): BirdReply[] {
    const replies: BirdReply[] = [];
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      if (end < 0) break;
      this.#hold(bytes.subarray(start, end));
      start = end + 1;
      const reply = this.#line(Buffer.concat(this.#pending).toString('utf8'));
      this.#pending = [];
      this.#pendingBytes = 0;
      if (reply !== undefined) replies.push(reply);
    }
    if (start < bytes.length) this.#hold(Buffer.from(bytes.subarray(start)));
    return replies;
  }

  #hold(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#replyBytes += bytes.length;
    if (this.#pendingBytes > LINE_MAX_BYTES || this.#replyBytes > REPLY_MAX_BYTES) {
      throw new BirdDecodeError('a reply without end', bytes.toString('utf8', 0, LINE_MAX_BYTES));
    }
  }

  #line(line: string): BirdReply | undefined {
    if (line.startsWith('+')) return undefined;
    if (line.startsWith(' ')) {
      const before = this.#lines.at(-1);
      if (before === undefined) throw new BirdDecodeError('a reply begins without a code', line);
      this.#lines.push({ code: before.code, text: line.slice(1) });
      return undefined;
    }
    const match = /^(\d{4})([- ])/.exec(line);
    if (match === null) throw new BirdDecodeError('a line without a code', line);
    const code = Number(match[1]);
    this.#lines.push({ code, text: line.slice(CODE_LENGTH + 1) });
    if (match[2] === '-') return undefined;
    const lines = this.#lines;
    this.#lines = [];
    this.#replyBytes = 0;
    return { code, lines };
  }
}
