// A real cluster's API for a lab whose nodes cannot reach it: their namespaces lead nowhere but to
// the fabric. This process lives in the machine's namespace, listens on the fabric router, and
// passes bytes on unread, so that TLS and login happen between the agents and the real server. The
// nodes' kubeconfig names the router's address, and beside it the name in the server's certificate.

import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { inNetns } from '../kernel/netns.ts';
import { AppError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

export type RelayTarget = { readonly host: string; readonly port: number };

export type RelayOptions = {
  readonly target: RelayTarget;
  /** Descriptor of the namespace to listen in. */
  readonly netns: number;
  readonly port: number;
  readonly log: Log;
};

const CERTIFICATE_TIMEOUT_MS = 5_000;
const CONNECTIONS_MAX = 1_000;

/** Listens until the returned function is called, which ends all connections. */
export function startRelay({ target, netns, port, log }: RelayOptions): Promise<() => void> {
  const sockets = new Set<Socket>();
  const server = createServer((inner) => {
    const outer = connect(target);
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket);
      socket.on('error', (error) =>
        log.debug({ error: error.message }, 'relayed connection ended'),
      );
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.maxConnections = CONNECTIONS_MAX;
  const stop = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return listening(server, () => inNetns(netns, () => server.listen(port))).then(() => stop);
}

const listening = (server: Server, start: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    // Without a host Node.js makes the socket at once, and so in the namespace.
    start();
  });

/** The user's kubeconfig with only its current context, and `server` in place of the real one. */
export async function relayedKubeconfig(
  path: string,
  address: string,
): Promise<{ readonly text: string; readonly target: RelayTarget }> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (error) {
    throw new AppError('KUBECONFIG', `read ${path}`, 'it is not a kubeconfig', error);
  }
  const cluster = config.getCurrentCluster();
  const context = config.getContextObject(config.getCurrentContext());
  const user = config.getCurrentUser();
  if (cluster === null || context === null) {
    throw new AppError('KUBECONFIG', `read ${path}`, 'its current-context names no cluster');
  }
  const server = new URL(cluster.server);
  const isTls = server.protocol === 'https:';
  const target = {
    host: server.hostname.replace(/^\[|\]$/g, ''),
    port: Number(server.port || (isTls ? 443 : 80)),
  };
  const tlsServerName =
    cluster.tlsServerName ?? (isTls ? await certificateName(target) : undefined);
  server.host = address;
  const relayed = { ...cluster, server: server.href };
  const only = new KubeConfig();
  only.loadFromOptions({
    clusters: [tlsServerName === undefined ? relayed : { ...relayed, tlsServerName }],
    contexts: [context],
    users: user === null ? [] : [user],
    currentContext: context.name,
  });
  return { text: `${only.exportConfig()}\n`, target };
}

/**
 * A name that the server's certificate is for. The agents verify it; here it is only read, since an
 * address, which most kubeconfigs have, may not be asked for by name (RFC 6066 §3).
 */
function certificateName(target: RelayTarget): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      socket.destroy();
      reject(new AppError('LAB', `reach the API at ${target.host}:${target.port}`, why));
    };
    const socket = connectTls({ ...target, rejectUnauthorized: false }, () => {
      const names = socket.getPeerCertificate().subjectaltname ?? '';
      socket.destroy();
      const [, name] = /DNS:([^,*]+)/.exec(names) ?? [];
      resolve(name ?? target.host);
    });
    socket.setTimeout(CERTIFICATE_TIMEOUT_MS, () => fail('no answer'));
    socket.on('error', (error) => fail(error.message));
  });
}
