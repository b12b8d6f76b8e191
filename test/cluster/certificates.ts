// The files by which a Kubernetes control plane knows whom it talks to, made by openssl for one
// run: a CA, a server certificate, an administrator, nodes, a key for service accounts.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Certificates = {
  readonly caFile: string;
  readonly serverFile: string;
  readonly serverKeyFile: string;
  readonly serviceAccountKeyFile: string;
  readonly adminFile: string;
  readonly adminKeyFile: string;
};

/** Beside the loopback: where else the server is, and the nodes that come to it. */
export type CertificateWishes = {
  readonly addresses?: readonly string[];
  readonly nodes?: readonly string[];
};

export function makeCertificates(
  directory: string,
  { addresses = [], nodes = [] }: CertificateWishes = {},
): Certificates {
  const path = (name: string): string => join(directory, name);
  const openssl = (...words: readonly string[]): void => {
    execFileSync('openssl', words, { stdio: 'ignore' });
  };
  const key = (name: string): string[] => [
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', path(`${name}.key`)],
  ];
  const days = ['-days', '2'];
  openssl('req', '-x509', ...key('ca'), '-out', path('ca.crt'), ...days, '-subj', '/CN=ca');
  const sign = (name: string, subject: string): void => {
    const ips = ['127.0.0.1', ...addresses].map((address) => `IP:${address},`).join('');
    const names = `subjectAltName=${ips}DNS:localhost,DNS:kubernetes`;
    writeFileSync(path('extensions'), `${names}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    openssl('req', '-new', ...key(name), '-out', path(`${name}.csr`), '-subj', subject);
    const authority = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial'];
    const files = ['-in', path(`${name}.csr`), '-out', path(`${name}.crt`)];
    openssl('x509', '-req', ...files, ...authority, ...days, '-extfile', path('extensions'));
  };
  sign('server', '/CN=kube-apiserver');
  sign('admin', '/O=system:masters/CN=admin');
  for (const node of nodes) sign(node, `/O=system:nodes/CN=system:node:${node}`);
  openssl('genrsa', '-out', path('service-account.key'), '2048');
  return {
    caFile: path('ca.crt'),
    serverFile: path('server.crt'),
    serverKeyFile: path('server.key'),
    serviceAccountKeyFile: path('service-account.key'),
    adminFile: path('admin.crt'),
    adminKeyFile: path('admin.key'),
  };
}

/** What a client shows and trusts, as PEM texts. */
export const adminTls = (files: Certificates) => ({
  ca: readFileSync(files.caFile, 'utf8'),
  cert: readFileSync(files.adminFile, 'utf8'),
  key: readFileSync(files.adminKeyFile, 'utf8'),
});

/** Of a node that a certificate was made for. */
export const nodeFiles = ({ caFile }: Certificates, node: string) => ({
  adminFile: join(dirname(caFile), `${node}.crt`),
  adminKeyFile: join(dirname(caFile), `${node}.key`),
});

/** As JSON, which is YAML as well. */
export const kubeconfigOf = (
  server: string,
  files: Pick<Certificates, 'caFile' | 'adminFile' | 'adminKeyFile'>,
): string =>
  JSON.stringify({
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'real' },
    contexts: [{ name: 'real', context: { cluster: 'real', user: 'admin' } }],
    clusters: [{ name: 'real', cluster: { server, 'certificate-authority': files.caFile } }],
    users: [
      {
        name: 'admin',
        user: { 'client-certificate': files.adminFile, 'client-key': files.adminKeyFile },
      },
    ],
  });
