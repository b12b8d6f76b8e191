// One request to a Kubernetes API over HTTP or TLS, and its whole answer. No retries, no parsing.

import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';

export type ApiAddress = {
  /** `https://127.0.0.1:6443` */
  readonly url: string;
  /** PEM texts. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
};

export type ApiMessage = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

export type ApiAnswer = {
  readonly code: number;
  readonly contentType: string;
  readonly text: string;
};

const LONGEST_ANSWER_MS = 120_000;

export function send(address: ApiAddress, message: ApiMessage): Promise<ApiAnswer> {
  const { method, path, headers, body } = message;
  const url = new URL(path, address.url);
  const request = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const signal = AbortSignal.timeout(LONGEST_ANSWER_MS);
  // Node.js adds no length to the body of a DELETE.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { method, headers: { ...headers, ...length }, signal, ...address.tls };
    const sent = request(url, options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const code = response.statusCode ?? 0;
        const contentType = response.headers['content-type'] ?? '';
        resolve({ code, contentType, text: Buffer.concat(pieces).toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
