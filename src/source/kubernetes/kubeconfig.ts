// A kubeconfig file as Credentials. Tokens and certificates are read here; exec plugins and auth
// providers are left to @kubernetes/client-node, loaded only then, since it costs tens of megabytes
// (and `yaml` only for a file that is not JSON). The kubeconfig and the files that it names are
// read again each minute: tokens and certificates are replaced in both. The server stays the same.

import { dirname, isAbsolute, join } from 'node:path';
import * as z from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { Access, TlsAccess } from './credentials.ts';
import { Credentials, readText } from './credentials.ts';

const text = z.string().optional();

const clusterSchema = z.object({
  server: z.string(),
  'certificate-authority': text,
  'certificate-authority-data': text,
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': text,
  'proxy-url': text,
});

const userSchema = z.looseObject({
  token: text,
  tokenFile: text,
  'client-certificate': text,
  'client-certificate-data': text,
  'client-key': text,
  'client-key-data': text,
});

const kubeconfigSchema = z.object({
  'current-context': z.string(),
  clusters: z.array(z.object({ name: z.string(), cluster: clusterSchema })),
  contexts: z.array(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string() }) }),
  ),
  users: z.array(z.object({ name: z.string(), user: userSchema.nullish() })).nullish(),
});

type Cluster = z.infer<typeof clusterSchema>;
type User = z.infer<typeof userSchema>;

/** What of a user this file can do by itself. */
const PLAIN_USER_MEMBERS = new Set(Object.keys(userSchema.shape));

export async function kubeconfigCredentials(path: string, clock: Clock): Promise<Credentials> {
  const content = await readText(path);
  const plain = plainAccess(await parseDocument(content));
  if (plain === undefined) return credentialsByLibrary(path, content, clock);
  const near = (file: string): string => (isAbsolute(file) ? file : join(dirname(path), file));
  const load = async (): Promise<Access> => {
    const now = plainAccess(await parseDocument(await readText(path)));
    if (now === undefined) {
      throw new AppError('KUBECONFIG', `read ${path} again`, 'it is no plain kubeconfig any more');
    }
    const { cluster, user } = now;
    return { headers: await headersOf(user, near), tls: await tlsOf(cluster, user, near) };
  };
  return new Credentials({ server: serverUrl(path, plain.cluster.server), clock, load });
}

type Plain = { readonly cluster: Cluster; readonly user: User };

/** `undefined` when a library is needed; it will then also say what is wrong with the file. */
function plainAccess(document: unknown): Plain | undefined {
  const config = kubeconfigSchema.safeParse(document).data;
  const named = config?.contexts.find((each) => each.name === config['current-context']);
  const cluster = config?.clusters.find((each) => each.name === named?.context.cluster)?.cluster;
  const user = config?.users?.find((each) => each.name === named?.context.user)?.user ?? {};
  if (cluster === undefined || cluster['proxy-url'] !== undefined) return undefined;
  return Object.keys(user).every((name) => PLAIN_USER_MEMBERS.has(name))
    ? { cluster, user }
    : undefined;
}

/** `undefined` when it does not parse: the library says what is wrong with it. */
async function parseDocument(content: string): Promise<unknown> {
  try {
    if (content.trimStart().startsWith('{')) return JSON.parse(content);
    const { parse } = await import('yaml');
    return parse(content);
  } catch {
    return undefined;
  }
}

type Near = (file: string) => string;

async function headersOf(user: User, near: Near): Promise<Access['headers']> {
  // A token file wins, since it is the one that is renewed (client-go does the same).
  const token =
    user.tokenFile === undefined ? user.token : (await readText(near(user.tokenFile))).trim();
  return token === undefined ? {} : { authorization: `Bearer ${token}` };
}

async function tlsOf(cluster: Cluster, user: User, near: Near): Promise<TlsAccess> {
  const pem = async (data?: string, file?: string): Promise<string | undefined> => {
    if (data !== undefined) return Buffer.from(data, 'base64').toString();
    return file === undefined ? undefined : await readText(near(file));
  };
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const cert = await pem(user['client-certificate-data'], user['client-certificate']);
  const key = await pem(user['client-key-data'], user['client-key']);
  const servername = cluster['tls-server-name'];
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
  };
}

async function credentialsByLibrary(
  path: string,
  content: string,
  clock: Clock,
): Promise<Credentials> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  try {
    config.loadFromString(content);
    config.makePathsAbsolute(dirname(path));
  } catch (error) {
    throw new AppError('KUBECONFIG', `read ${path}`, 'it is not a kubeconfig', error);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined) {
    const detail = `current-context "${config.currentContext}" names no cluster of the file`;
    throw new AppError('KUBECONFIG', `read ${path}`, detail);
  }
  const load = async (): Promise<Access> => {
    const options: LibraryOptions = {};
    try {
      await config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new AppError('KUBECONFIG', `use ${path}`, 'its user cannot log in', error);
    }
    return accessOf(options);
  };
  return new Credentials({ server: serverUrl(path, server), clock, load });
}

type LibraryOptions = Parameters<
  InstanceType<typeof import('@kubernetes/client-node').KubeConfig>['applyToHTTPSOptions']
>[0];

/** Of all that the library sets, what decides access. */
function accessOf(options: LibraryOptions): Access {
  const schema = z.object({
    headers: z.record(z.string(), z.string()).optional(),
    auth: z.string().optional(),
    ca: z.union([z.string(), z.instanceof(Buffer)]).optional(),
    cert: z.union([z.string(), z.instanceof(Buffer)]).optional(),
    key: z.union([z.string(), z.instanceof(Buffer)]).optional(),
    rejectUnauthorized: z.boolean().optional(),
    servername: z.string().optional(),
  });
  const { headers = {}, auth, ...tls } = schema.parse(options);
  const basic = auth === undefined ? {} : { authorization: basicHeader(auth) };
  const texts = Object.entries(tls).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, Buffer.isBuffer(value) ? value.toString() : value]],
  );
  return { headers: { ...headers, ...basic }, tls: Object.fromEntries(texts) };
}

const basicHeader = (auth: string): string => `Basic ${Buffer.from(auth).toString('base64')}`;

function serverUrl(path: string, server: string): URL {
  if (/^https?:\/\//.test(server) && URL.canParse(server)) return new URL(server);
  throw new AppError('KUBECONFIG', `read ${path}`, `server "${server}" is not an http(s) URL`);
}
