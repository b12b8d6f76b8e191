// Asks etcd the time, as anybody may who is let in: its HTTP side tells its version to whoever has
// the certificates, and the header Date of that answer is its clock. Keys are not looked at, so no
// user or password is needed. Where etcd serves gRPC alone on its address, nothing is learnt.

import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { ApiFacts, Known } from '../facts.ts';
import { known, unknown } from '../facts.ts';
import type { Places } from './places.ts';
import { askTime } from './server-clock.ts';

const TIMEOUT_MS = 5_000;
/** Somebody listens and speaks no HTTP/1: not a fault. */
const OTHER_PROTOCOL = /^(ECONNRESET|HPE_.*|EPROTO)$/;

type Access = NonNullable<Places['etcd']>;

/** The first endpoint that answers; what is wrong is of the last, where none does. */
export async function askEtcd(access: Access | undefined, clock: Clock): Promise<Known<ApiFacts>> {
  const rest = { denied: [], unasked: 'etcd does not say what is allowed' };
  let last: Known<ApiFacts> = unknown('where etcd is, is not known here');
  for (const server of access?.endpoints ?? []) {
    try {
      const aheadMs = await askTime(clock, () => get(server, access));
      const time = aheadMs === undefined ? {} : { aheadMs };
      return known({ server, problem: '', ...time, ...rest });
    } catch (error) {
      const problem = OTHER_PROTOCOL.test((error as NodeJS.ErrnoException).code ?? '')
        ? ''
        : `GET ${server}/version: ${describeError(error)}`;
      last = known({ server, problem, ...rest });
    }
  }
  return last;
}

/** Rejects with what the system or TLS says; the answer's headers are there then. */
function get(server: string, access: Access | undefined): Promise<IncomingMessage> {
  const url = new URL('/version', server);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const file = (path = ''): Buffer | undefined => (path === '' ? undefined : readFileSync(path));
  const options = { signal, agent: false, headers: { 'user-agent': 'poplin-doctor' } };
  return new Promise((resolve, reject) => {
    const request =
      url.protocol === 'https:'
        ? httpsRequest(url, {
            ...options,
            ca: file(access?.caFile),
            cert: file(access?.certFile),
            key: file(access?.keyFile),
          })
        : httpRequest(url, options);
    request.once('response', resolve);
    request.once('error', (error) => reject(signal.aborted ? signal.reason : error));
    request.end();
  });
}
