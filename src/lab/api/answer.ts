// A request and its answer, apart from HTTP: what api-handler.ts takes and returns.

import type { StatusBody } from './status.ts';
import type { WatchRequest } from './watch.ts';

export type ApiRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
};

export type Answer =
  | {
      readonly kind: 'body';
      readonly code: number;
      readonly contentType: string;
      readonly bytes: Buffer;
    }
  | { readonly kind: 'watch'; readonly request: WatchRequest };

export const jsonAnswer = (bytes: Buffer, code = 200): Answer => ({
  kind: 'body',
  code,
  contentType: 'application/json',
  bytes,
});

export const statusAnswer = (status: StatusBody): Answer =>
  jsonAnswer(Buffer.from(JSON.stringify(status)), status.code ?? 200);
