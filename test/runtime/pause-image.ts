// The image that every sandbox begins with, as an OCI archive made here: one layer with one static
// program that waits. So no registry is asked for anything.

import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const PAUSE_IMAGE = 'localhost/poplin-pause:1';

const SOURCE = join(import.meta.dirname, 'pause.c');
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Compiles the program into `directory`; its path. */
export function buildPause(directory: string): string {
  const program = join(directory, 'pause');
  execFileSync('sh', [
    '-c',
    'exec "$(command -v musl-gcc || echo gcc)" -static -Os -s -o "$1" "$2"',
    ...['sh', program, SOURCE],
  ]);
  return program;
}

/** Writes the archive into `directory`; its path. */
export function buildPauseImage(directory: string, program: string): string {
  const layer = join(directory, 'layer.tar');
  execFileSync('tar', ['-cf', layer, '-C', join(program, '..'), 'pause']);
  return buildImage(directory, { name: PAUSE_IMAGE, layer, entrypoint: ['/pause'] });
}

export type ImageContents = {
  readonly name: string;
  /** A tar of all that is in it. */
  readonly layer: string;
  readonly entrypoint: readonly string[];
};

/** Writes the archive into `directory`; its path. */
export function buildImage(directory: string, contents: ImageContents): string {
  const { name: imageName, layer: layerFile, entrypoint } = contents;
  const fileName = imageName.replace(/^.*\/|:.*$/g, '');
  const layout = join(directory, fileName);
  const blobs = join(layout, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const blob = (content: Buffer | string): { digest: string; size: number } => {
    const name = hash('sha256', content);
    writeFileSync(join(blobs, name), content);
    return { digest: `sha256:${name}`, size: statSync(join(blobs, name)).size };
  };
  const layer = blob(readFileSync(layerFile));
  const config = blob(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch] ?? process.arch,
      os: 'linux',
      config: { Entrypoint: entrypoint },
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  );
  const manifest = blob(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
    }),
  );
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  writeFileSync(
    join(layout, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          mediaType: 'application/vnd.oci.image.manifest.v1+json',
          ...manifest,
          annotations: { 'io.containerd.image.name': imageName },
        },
      ],
    }),
  );
  const archive = join(directory, `${fileName}.tar`);
  execFileSync('tar', ['-cf', archive, '-C', layout, '.']);
  return archive;
}
