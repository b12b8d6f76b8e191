// Puts the CNI executable and the conflist where the runtime looks, and takes them away again.
// Every file is written beside its place and renamed: a runtime never runs or reads half of one
// (ETXTBSY), and containerd notices a conflist only when it is renamed within its directory. The
// conflist is written by itself, last, when ADD can be served: until then the runtime says that it
// waits.

import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, describeError } from '../lib/errors.ts';
import { CONFLIST_NAME, NETWORK_NAME, renderConflist } from './conflist.ts';

/** Where the executable looks without `poplin.paths`; the same words are in cni/poplin.c. */
export const DEFAULT_CNI_PATHS: CniPaths = {
  socketPath: '/run/poplin/cni.sock',
  tombstoneDirectory: '/var/lib/poplin/tombstones',
};

export type CniPaths = {
  readonly socketPath: string;
  readonly tombstoneDirectory: string;
  /** How long an ADD waits for the agent; the executable's own default when absent. */
  readonly addWaitMs?: number;
};

export type InstallOptions = {
  /** The executable that `make -C cni` builds. */
  readonly executable: string;
  readonly binDir: string;
  readonly paths: CniPaths;
};

export const PATHS_NAME = 'poplin.paths';

/** The executable goes last: it must never run with the paths of another agent. */
export async function installCni({ executable, binDir, paths }: InstallOptions): Promise<void> {
  const isDefault =
    paths.socketPath === DEFAULT_CNI_PATHS.socketPath &&
    paths.tombstoneDirectory === DEFAULT_CNI_PATHS.tombstoneDirectory &&
    paths.addWaitMs === undefined;
  await attempt(`install the CNI executable in ${binDir}`, async () => {
    await mkdir(binDir, { recursive: true, mode: 0o755 });
    const pathsFile = join(binDir, PATHS_NAME);
    if (isDefault) await rm(pathsFile, { force: true });
    else await replaceFile(pathsFile, { content: renderPaths(paths), mode: 0o644 });
    const content = await readFile(executable);
    await replaceFile(join(binDir, NETWORK_NAME), { content, mode: 0o755 });
  });
}

export async function writeConflist(confDir: string): Promise<void> {
  await attempt(`write ${CONFLIST_NAME} in ${confDir}`, async () => {
    await mkdir(confDir, { recursive: true, mode: 0o700 });
    const content = renderConflist();
    await replaceFile(join(confDir, CONFLIST_NAME), { content, mode: 0o644 });
  });
}

/** The runtime stops using the network; pods that run go on. */
export async function removeConflist(confDir: string): Promise<void> {
  await attempt(`remove ${CONFLIST_NAME} from ${confDir}`, () =>
    rm(join(confDir, CONFLIST_NAME), { force: true }),
  );
}

/** After the conflist, at the very end of an uninstall: until then DELs still come. */
export async function removeCni(binDir: string): Promise<void> {
  await attempt(`remove the CNI executable from ${binDir}`, async () => {
    await rm(join(binDir, NETWORK_NAME), { force: true });
    await rm(join(binDir, PATHS_NAME), { force: true });
  });
}

const renderPaths = ({ socketPath, tombstoneDirectory, addWaitMs }: CniPaths): string =>
  `${socketPath}\n${tombstoneDirectory}\n${addWaitMs === undefined ? '' : `${addWaitMs}\n`}`;

type NewFile = { readonly content: string | Buffer; readonly mode: number };

async function replaceFile(path: string, { content, mode }: NewFile): Promise<void> {
  // An extension that no runtime loads, in the same directory.
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await writeFile(temporary, content, { mode });
    // The umask may have taken bits away.
    await chmod(temporary, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function attempt(operation: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new AppError('FILE', operation, describeError(error));
  }
}
