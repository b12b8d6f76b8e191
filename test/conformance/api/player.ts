// Sends the requests of the tables to one server and writes down its answers, normalised, as text
// that a person can read and two servers can be compared by.

import { systemClock } from '../../../src/lib/clock.ts';
import type { ApiCase, ApiCaseOptions } from './case.ts';
import type { ApiAddress, ApiAnswer } from './http.ts';
import { send } from './http.ts';
import { Normaliser } from './normal.ts';

export type ApiUnderTest = {
  readonly address: ApiAddress;
  /** Makes the datastore forget its history. */
  compact(): Promise<void>;
};

/** What one request was answered; the title says of which table it is. */
export type Answered = { readonly title: string; readonly text: string };

export async function playRequests(
  server: ApiUnderTest,
  tables: Readonly<Record<string, readonly ApiCase[]>>,
): Promise<readonly Answered[]> {
  const player = new Player(server);
  const answers: Answered[] = [];
  for (const [table, cases] of Object.entries(tables)) {
    for (const each of cases) {
      if (each === 'compaction') await server.compact();
      else answers.push({ title: `${table}: ${each[0]}`, text: await player.play(each) });
    }
  }
  return answers;
}

class Player {
  readonly #server: ApiUnderTest;
  readonly #normaliser = new Normaliser();
  readonly #remembered = new Map<string, unknown>();

  constructor(server: ApiUnderTest) {
    this.#server = server;
  }

  async play([, request, body, options = {}]: Exclude<ApiCase, string>): Promise<string> {
    const [method = '', path = ''] = request.split(' ');
    const message = {
      method,
      path: this.#resolve(path, encodeURIComponent),
      headers: headersOf(body, options),
      body: body === undefined ? undefined : this.#resolve(bodyText(body), String),
    };
    const answer = await this.#ask(message, options.until);
    const values = parse(answer);
    if (options.as !== undefined) this.#remembered.set(options.as, values[0]);
    return this.#render(request, answer, { values, options });
  }

  async #ask(message: Parameters<typeof send>[1], until: number | undefined): Promise<ApiAnswer> {
    const endMs = performance.now() + 60_000;
    for (;;) {
      const answer = await send(this.#server.address, message);
      const isOver = performance.now() > endMs;
      if (until === undefined || answer.code === until || isOver) return answer;
      await systemClock.sleep(20);
    }
  }

  #resolve(text: string, encode: (value: string) => string): string {
    return text.replace(/\{(\w+)\.([\w.]+)\}/g, (_, name: string, path: string) => {
      const value = path
        .split('.')
        .reduce(
          (at, member) => (at as Record<string, unknown> | undefined)?.[member],
          this.#remembered.get(name),
        );
      return encode(String(value));
    });
  }

  #render(
    request: string,
    answer: ApiAnswer,
    { values, options }: { readonly values: readonly unknown[]; readonly options: ApiCaseOptions },
  ): string {
    const lines = inOrder(values, options).map((value) => {
      const normal = this.#normaliser.value(value);
      const words = options.words === 'own' ? withoutWords(normal) : normal;
      return typeof words === 'string' ? words : JSON.stringify(words, undefined, 2);
    });
    const shown = request.length > 150 ? `${request.slice(0, 150)}…` : request;
    const type = answer.contentType.split(';')[0];
    return [`${shown} → ${answer.code} ${type}`, ...lines].join('\n').replace(LONG, '$1<many>');
  }
}

/** By name, where the order says nothing. */
function inOrder(values: readonly unknown[], { order }: ApiCaseOptions): readonly unknown[] {
  if (order !== 'any') return values;
  const nameOf = (value: unknown): string => {
    const { metadata, object } = value as { metadata?: { name?: string }; object?: unknown };
    return object === undefined ? (metadata?.name ?? '') : nameOf(object);
  };
  const byName = (a: unknown, b: unknown): number => (nameOf(a) < nameOf(b) ? -1 : 1);
  const [first] = values as readonly { readonly items?: readonly unknown[] }[];
  return first?.items === undefined
    ? [...values].sort(byName)
    : [{ ...first, items: [...first.items].sort(byName) }];
}

/** Of a character that is repeated to be too much. */
const LONG = /((.)\2{7})\2{80,}/g;

function headersOf(body: unknown, { type, accept }: ApiCaseOptions): Record<string, string> {
  return {
    ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }),
    accept: accept ?? 'application/json',
  };
}

const bodyText = (body: unknown): string =>
  typeof body === 'string' ? body : JSON.stringify(body);

/** One value, or one for each event of a watch; text that is no JSON as it is. */
function parse({ text }: ApiAnswer): readonly unknown[] {
  try {
    return [JSON.parse(text)];
  } catch {
    // Lines of a watch, or words.
  }
  const lines = text.split('\n').filter((line) => line !== '');
  try {
    return lines.map((line): unknown => JSON.parse(line));
  } catch {
    return lines;
  }
}

/** A refusal without its message and the words of its causes. */
function withoutWords(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutWords);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === 'message' && typeof member === 'string' ? '<words>' : withoutWords(member),
    ]),
  );
}

/** The whole as one text, for a golden file. */
export const transcriptOf = (answers: readonly Answered[]): string =>
  answers.map(({ title, text }) => `# ${title}\n${text}\n`).join('\n');

/** The answers in a golden file, by title. */
export const parseTranscript = (transcript: string): ReadonlyMap<string, string> =>
  new Map(
    transcript
      .split(/^# /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n');
        return [part.slice(0, end), part.slice(end + 1).trim()] as const;
      }),
  );
