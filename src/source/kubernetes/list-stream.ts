// Reads the answer to a list without ever holding it: the elements of `items` are cut out of the
// bytes as they arrive and parsed one by one, so that each dies young. Parsing a whole page of five
// thousand nodes costs an agent 40 MB that the heap never gives back. Everything around the
// elements is small and parsed at the end.

import { AppError } from '../../lib/errors.ts';

export type ListEnvelope = {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
};

/** etcd holds objects of at most 1.5 MB; what is around them is metadata of the list. */
const LARGEST_PART_BYTES = 16 * 1024 * 1024;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** Rejects when the answer is not a JSON list. */
export async function readList(
  pieces: AsyncIterable<Buffer>,
  { onItem, onPiece }: { readonly onItem: (item: unknown) => void; readonly onPiece?: () => void },
): Promise<ListEnvelope> {
  const scanner = new ListScanner(onItem);
  for await (const piece of pieces) {
    onPiece?.();
    scanner.take(piece);
  }
  return scanner.end();
}

class ListScanner {
  readonly #onItem: (item: unknown) => void;
  /** Brackets and braces that are open: 1 in the list object, 2 in `items`, 3 in an element. */
  #depth = 0;
  #inString = false;
  #escaped = false;
  #inItems = false;
  /** The document without the elements of `items`. */
  readonly #envelope = new Part();
  /** The element that is being read. */
  readonly #item = new Part();

  constructor(onItem: (item: unknown) => void) {
    this.#onItem = onItem;
  }

  take(piece: Buffer): void {
    /** Where the part that is being read begins in this piece. */
    let start = 0;
    for (let at = 0; at < piece.length; at += 1) {
      const byte = piece[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth += 1;
        // Commas and blanks between elements belong to nobody.
        if (this.#inItems && this.#depth === 3) start = at;
        if (this.#depth !== 2 || byte !== OPEN_BRACKET || this.#inItems) continue;
        this.#envelope.add(piece.subarray(start, at + 1));
        start = at + 1;
        this.#inItems = this.#envelope.endsWithItems();
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        this.#depth -= 1;
        if (!this.#inItems) continue;
        if (this.#depth === 2) {
          this.#item.add(piece.subarray(start, at + 1));
          this.#onItem(JSON.parse(this.#item.take()));
          start = at + 1;
        } else if (this.#depth === 1) {
          this.#inItems = false;
          start = at;
        }
      }
    }
    if (!this.#inItems) this.#envelope.add(piece.subarray(start));
    else if (this.#depth > 2) this.#item.add(piece.subarray(start));
  }

  end(): ListEnvelope {
    return JSON.parse(this.#envelope.take()) as ListEnvelope;
  }
}

/** Bytes that come in pieces. */
class Part {
  #pieces: Buffer[] = [];
  #sizeBytes = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes <= LARGEST_PART_BYTES) return;
    const detail = `an object is larger than ${LARGEST_PART_BYTES} bytes`;
    throw new AppError('KUBERNETES_API', 'read a list', detail);
  }

  endsWithItems(): boolean {
    return /"items"\s*:\s*\[$/.test(Buffer.concat(this.#pieces).toString());
  }

  /** The text, and nothing of it remains here. */
  take(): string {
    const [first, ...rest] = this.#pieces;
    const whole = first !== undefined && rest.length === 0 ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#sizeBytes = 0;
    return whole.toString();
  }
}
