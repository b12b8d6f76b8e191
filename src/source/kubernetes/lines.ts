// The lines of a watch: the server sends one JSON document per line, cut into pieces wherever the
// connection likes. A last line without an end is an event that was cut off and is dropped.

import { AppError } from '../../lib/errors.ts';

/** An API object has at most 3 MiB or so; a longer line is not a watch. */
const LONGEST_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 0x0a;

export async function* readLines(
  pieces: AsyncIterable<Buffer>,
  onPiece: () => void,
): AsyncGenerator<string, void, undefined> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const piece of pieces) {
    onPiece();
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, start)) {
      rest.push(piece.subarray(start, end));
      const line = Buffer.concat(rest).toString();
      rest = [];
      restBytes = 0;
      start = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (start === piece.length) continue;
    rest.push(piece.subarray(start));
    restBytes += piece.length - start;
    if (restBytes > LONGEST_LINE_BYTES) {
      const detail = `a line is longer than ${LONGEST_LINE_BYTES} bytes`;
      throw new AppError('KUBERNETES_API', 'read a watch', detail);
    }
  }
}
