// Credentials: kubeconfig files of every usual kind, service accounts, rotated tokens.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import type { Clock } from '../../../../src/lib/clock.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import type { AppError } from '../../../../src/lib/errors.ts';
import { describeError } from '../../../../src/lib/errors.ts';
import { KubernetesClient } from '../../../../src/source/kubernetes/client.ts';
import type { Credentials } from '../../../../src/source/kubernetes/credentials.ts';
import { inClusterCredentials } from '../../../../src/source/kubernetes/credentials.ts';
import { kubeconfigCredentials } from '../../../../src/source/kubernetes/kubeconfig.ts';
import { portOf, startTestApi } from '../../../fake/kubernetes-api.ts';
import { TEST_CERTIFICATE, TEST_KEY } from '../../../fake/tls.ts';

async function directory(context: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'poplin-credentials-'));
  context.after(() => rm(path, { recursive: true }));
  return path;
}

/** A clock whose monotonic time the test moves; it sleeps really. */
function steppedClock(): Clock & { step(ms: number): void } {
  let offsetMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => systemClock.monotonicMs() + offsetMs,
    step: (ms) => {
      offsetMs += ms;
    },
  };
}

async function serviceAccount(path: string, token: string, ca = 'CA'): Promise<void> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'token'), `${token}\n`);
  await writeFile(join(path, 'ca.crt'), ca);
}

const ENVIRONMENT = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };

describe('the service account', () => {
  test('is read again after a minute, and at once after 401', async (context) => {
    const path = await directory(context);
    await serviceAccount(path, 'one');
    const clock = steppedClock();
    const credentials = inClusterCredentials({ clock, environment: ENVIRONMENT, directory: path });
    assert.equal(credentials.server.href, 'https://[fd00::1]:6443/');
    const token = async () => (await credentials.current()).headers.authorization;
    assert.equal(await token(), 'Bearer one');
    const { tls } = await credentials.current();
    await serviceAccount(path, 'two');
    assert.equal(await token(), 'Bearer one');
    clock.step(60_000);
    assert.equal(await token(), 'Bearer two');
    assert.equal((await credentials.current()).tls, tls, 'the same CA keeps the connections');
    await serviceAccount(path, 'three', 'another CA');
    credentials.forget();
    assert.equal(await token(), 'Bearer three');
    assert.equal((await credentials.current()).tls.ca, 'another CA');
  });

  test('goes on with what it had when a file is away', async (context) => {
    const path = await directory(context);
    await serviceAccount(path, 'one');
    const credentials = inClusterCredentials({
      clock: systemClock,
      environment: ENVIRONMENT,
      directory: path,
    });
    await credentials.current();
    await rm(join(path, 'token'));
    credentials.forget();
    assert.equal((await credentials.current()).headers.authorization, 'Bearer one');
  });

  test('says which file is missing, and what to do outside of a pod', async (context) => {
    const path = await directory(context);
    const credentials = inClusterCredentials({
      clock: systemClock,
      environment: ENVIRONMENT,
      directory: path,
    });
    await assert.rejects(credentials.current(), (error: AppError) => {
      assert.equal(error.code, 'KUBECONFIG');
      assert.match(error.message, /read .*\/token/);
      return true;
    });
    assert.throws(() => inClusterCredentials({ clock: systemClock, environment: {} }), {
      code: 'KUBECONFIG',
      message: /KUBERNETES_SERVICE_HOST is not set/,
    });
  });
});

type Parts = { readonly user: object; readonly cluster?: object };

const kubeconfig = ({ user, cluster }: Parts): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'c',
  contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
  clusters: [{ name: 'k', cluster: { server: 'http://127.0.0.1:1', ...cluster } }],
  users: [{ name: 'u', user }],
});

async function credentialsOf(context: TestContext, text: string): Promise<Credentials> {
  const path = join(await directory(context), 'kubeconfig');
  await writeFile(path, text);
  return kubeconfigCredentials(path, systemClock);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a kubeconfig', () => {
  test('in JSON gives token, certificates and server name', async (context) => {
    const credentials = await credentialsOf(
      context,
      JSON.stringify(
        kubeconfig({
          user: {
            token: 'abc',
            'client-certificate-data': base64('CERT'),
            'client-key-data': base64('KEY'),
          },
          cluster: {
            'certificate-authority-data': base64('CA'),
            'tls-server-name': 'kubernetes',
            'insecure-skip-tls-verify': true,
          },
        }),
      ),
    );
    assert.deepEqual(await credentials.current(), {
      headers: { authorization: 'Bearer abc' },
      tls: {
        ca: 'CA',
        cert: 'CERT',
        key: 'KEY',
        servername: 'kubernetes',
        rejectUnauthorized: false,
      },
    });
  });

  test('names files relative to itself', async (context) => {
    const path = await directory(context);
    await writeFile(join(path, 'token.txt'), 'from a file\n');
    await writeFile(join(path, 'ca.pem'), 'CA');
    const text = JSON.stringify(
      kubeconfig({
        user: { tokenFile: 'token.txt', token: 'older' },
        cluster: { 'certificate-authority': 'ca.pem' },
      }),
    );
    await writeFile(join(path, 'config'), text);
    const credentials = await kubeconfigCredentials(join(path, 'config'), systemClock);
    assert.deepEqual(await credentials.current(), {
      headers: { authorization: 'Bearer from a file' },
      tls: { ca: 'CA' },
    });
  });

  test('is read again once the server has refused it, unless it is half written', async (context) => {
    const path = join(await directory(context), 'config');
    const write = (token: string): Promise<void> =>
      writeFile(path, JSON.stringify(kubeconfig({ user: { token } })));
    await write('first');
    const credentials = await kubeconfigCredentials(path, systemClock);
    const header = async (): Promise<unknown> => (await credentials.current()).headers;
    assert.deepEqual(await header(), { authorization: 'Bearer first' });
    await write('second');
    assert.deepEqual(await header(), { authorization: 'Bearer first' });
    credentials.forget();
    assert.deepEqual(await header(), { authorization: 'Bearer second' });
    await writeFile(path, '{"users":');
    credentials.forget();
    assert.deepEqual(await header(), { authorization: 'Bearer second' });
  });

  test('with an exec plugin is left to the library', async (context) => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'from a plugin' },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'echo',
      args: [JSON.stringify(credential)],
      interactiveMode: 'Never',
    };
    const credentials = await credentialsOf(
      context,
      JSON.stringify(kubeconfig({ user: { exec }, cluster: { server: 'https://127.0.0.1:1' } })),
    );
    const { headers } = await credentials.current();
    assert.equal(headers.Authorization ?? headers.authorization, 'Bearer from a plugin');
  });

  test('that is none is refused with its path', async (context) => {
    for (const text of ['{}', 'just words', '{"current-context": 3}', ': : :']) {
      await assert.rejects(credentialsOf(context, text), (error: AppError) => {
        assert.equal(error.code, 'KUBECONFIG');
        assert.match(error.message, /kubeconfig/);
        return true;
      });
    }
  });

  test('with a server that is no URL is refused', async (context) => {
    const text = JSON.stringify(kubeconfig({ user: {}, cluster: { server: 'localhost' } }));
    await assert.rejects(credentialsOf(context, text), {
      message: /server "localhost" is not an http\(s\) URL/,
    });
  });
});

describe('a server with TLS and tokens', () => {
  test('lets in who trusts its CA and has a token, and nobody else', async (context) => {
    const path = await directory(context);
    const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE };
    const tokens = new Set(['one']);
    const api = await startTestApi({ tls, tokens });
    context.after(() => api.stop());
    await serviceAccount(path, 'one', TEST_CERTIFICATE);
    const credentials = inClusterCredentials({
      clock: systemClock,
      environment: {
        KUBERNETES_SERVICE_HOST: '127.0.0.1',
        KUBERNETES_SERVICE_PORT: String(portOf(api)),
      },
      directory: path,
    });
    const client = new KubernetesClient({ credentials, clock: systemClock });
    context.after(() => client.close());
    const get = () => client.call({ method: 'GET', path: '/api/v1/namespaces/poplin' });
    await get();
    tokens.delete('one');
    tokens.add('two');
    await writeFile(join(path, 'token'), 'two');
    await assert.rejects(get(), { status: 401, code: 'KUBERNETES_API' });
    await get();
    const { headers } = await credentials.current();
    const stranger = new KubernetesClient({
      credentials: await credentialsOf(
        context,
        JSON.stringify(
          kubeconfig({
            user: { token: headers.authorization?.slice('Bearer '.length) },
            cluster: { server: `https://127.0.0.1:${portOf(api)}` },
          }),
        ),
      ),
      clock: systemClock,
    });
    await assert.rejects(stranger.call({ method: 'GET', path: '/version' }), (error) => {
      assert.match(describeError(error), /^GET \/version: the request failed \(self-signed/);
      return true;
    });
  });
});
