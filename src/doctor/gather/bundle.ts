// Everything that helps somebody who looks for a fault from afar, in one archive: what the doctor
// finds, status and metrics, what the kernel holds, the configuration and the agent's files, and
// its log where that is known. Secrets are taken out of each file before it gets in.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { fetchText } from '../../agent/admin-client.ts';
import type { RunCommand } from '../../kernel/foreign-firewall.ts';
import { dumpNamespace } from '../../kernel/namespace-dump.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import { redact } from '../bundle/redact.ts';
import type { BundleFile } from '../bundle/tar.ts';
import { renderTar } from '../bundle/tar.ts';
import type { Facts } from '../facts.ts';
import type { Diagnosis } from '../finding.ts';
import { renderDiagnosis } from '../render.ts';
import { readLogs } from './logs.ts';
import type { Places } from './places.ts';
import { readSecrets } from './secrets.ts';
import { readSysctls } from './sysctl-tree.ts';

const FILE_BYTES_MAX = 8 * 1024 * 1024;
const FILES_MAX = 2_000;

/** Below /proc: no secret is in any of them. */
const PROC_FILES = [
  ...['net/snmp', 'net/snmp6', 'net/netstat', 'net/softnet_stat', 'net/dev', 'net/udp'],
  ...['net/udp6', 'net/sockstat', 'net/stat/nf_conntrack', 'modules', 'version', 'uptime'],
  ...['loadavg', 'meminfo'],
];

const COMMANDS: readonly (readonly [string, readonly [string, ...string[]]])[] = [
  ['kernel/nft.txt', ['nft', 'list', 'ruleset']],
  ['kernel/iptables-save.txt', ['iptables-save']],
  ['kernel/ip6tables-save.txt', ['ip6tables-save']],
];

export type BundleParts = {
  readonly places: Places;
  readonly facts: Facts;
  readonly diagnosis: Diagnosis;
  readonly clock: Clock;
  readonly run: RunCommand;
};

/** The archive, a tar in gzip. */
export async function buildBundle(parts: BundleParts): Promise<Buffer> {
  const { places, diagnosis, clock } = parts;
  const secrets = readSecrets(places);
  const files: BundleFile[] = [
    { name: 'doctor.txt', text: renderDiagnosis(diagnosis) },
    { name: 'doctor.json', text: inJson(diagnosis) },
    ...(await fromAgent(parts)),
    ...(await fromCommands(parts)),
    ...fromKernel(places),
    ...fromDisk(places),
    ...(await readLogs(places, parts.run)),
  ];
  const now = clock.now();
  const safe = files.slice(0, FILES_MAX).map(({ name, text }) => ({
    name: `poplin/${name}`,
    text: redact(text.slice(-FILE_BYTES_MAX), secrets),
  }));
  return gzipSync(renderTar(safe, now));
}

const inJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

async function fromAgent({ places, facts }: BundleParts): Promise<readonly BundleFile[]> {
  const { agent } = facts;
  const status = agent.known ? inJson(agent.value) : `${agent.why}\n`;
  const metrics = await orWhy(() => fetchText(places.runDir, '/metrics'));
  return [
    { name: 'status.json', text: status },
    { name: 'metrics.txt', text: metrics },
  ];
}

async function fromCommands({ run }: BundleParts): Promise<readonly BundleFile[]> {
  return Promise.all(
    COMMANDS.map(async ([name, command]) => {
      const text = await orWhy(async () => {
        const { stdout, stderr } = await run(command, {});
        return stdout + stderr;
      });
      return { name, text };
    }),
  );
}

function fromKernel({ procSys }: Places): readonly BundleFile[] {
  const dump = attempt(() => dumpNamespace(procSys));
  const objects = typeof dump === 'string' ? { dump } : dump;
  const proc = PROC_FILES.map((path) => {
    const file = path.startsWith('net/') ? `/proc/thread-self/${path}` : `/proc/${path}`;
    return { name: `kernel/proc/${path}`, text: readOrWhy(file) };
  });
  return [
    ...Object.entries(objects).map(([name, value]) => {
      const lines = typeof value === 'string' ? [value] : value.map((each) => JSON.stringify(each));
      return { name: `kernel/${name}.jsonl`, text: `${lines.join('\n')}\n` };
    }),
    { name: 'kernel/sysctls.txt', text: readSysctls(procSys) },
    ...proc,
  ];
}

/** What others keep there as well, as tokens beside a conflist, stays where it is. */
function fromDisk(places: Places): readonly BundleFile[] {
  const { runDir, stateDir, cniConfDir, birdDir } = places;
  return [
    ...filesOf(stateDir, /\.json$/, 'state'),
    ...filesOf(join(stateDir, 'attachments'), /\.(json|pending)$|^released$/, 'state/attachments'),
    ...filesOf(runDir, /^(subnet\.env|agent\.json)$/, 'run'),
    ...filesOf(cniConfDir, /\.(conf|conflist|json)$/, 'net.d'),
    ...filesOf(birdDir, /^bird\.(conf|refused)/, 'bird'),
    ...(places.netConfFile === ''
      ? []
      : [{ name: 'net-conf-file.json', text: readOrWhy(places.netConfFile) }]),
  ];
}

function filesOf(directory: string, pattern: RegExp, name: string): readonly BundleFile[] {
  const names = attempt(() => readdirSync(directory).filter((each) => pattern.test(each)));
  if (typeof names === 'string') return [{ name: `${name}/README`, text: `${names}\n` }];
  return names
    .filter((each) => statSync(join(directory, each)).isFile())
    .map((each) => ({ name: `${name}/${each}`, text: readOrWhy(join(directory, each)) }));
}

function attempt<Result>(read: () => Result): Result | string {
  try {
    return read();
  } catch (error) {
    return describeError(error);
  }
}

async function orWhy(read: () => Promise<string>): Promise<string> {
  try {
    return await read();
  } catch (error) {
    return `${describeError(error)}\n`;
  }
}

const readOrWhy = (path: string): string => attempt(() => readFileSync(path, 'utf8'));
