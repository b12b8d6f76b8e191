// The secrets that this node's agent is given, as far as they can be read, so that they can be
// taken out of whatever leaves the node. They stay in memory, and go nowhere.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Places } from './places.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const FILE_BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 4;
/** In a kubeconfig, as JSON or YAML; what they hold in base64 is looked for in both forms. */
const KUBECONFIG_KEY =
  '(?:token|password|client-key-data|id-token|refresh-token|access-token|client-secret)';
const KUBECONFIG_VALUES = new RegExp(`["']?${KUBECONFIG_KEY}["']?\\s*:\\s*["']?([^\\s"',}]+)`, 'g');
/** Of bird.conf; its own key is one as well (agent/bird-text.ts). */
const BIRD_VALUES = /\b(?:password|key|\w*_KEY\s*=)\s+"([^"]+)"/g;

export function readSecrets(places: Places): readonly string[] {
  const whole = [SERVICE_ACCOUNT, ...places.secretPlaces].flatMap((path) => textsIn(path, 0));
  const kubeconfig = valuesIn(places.kubeconfig, KUBECONFIG_VALUES);
  const bird = readNames(places.birdDir).flatMap((name) =>
    valuesIn(join(places.birdDir, name), BIRD_VALUES),
  );
  return [...new Set([...whole, ...kubeconfig, ...bird].flatMap(withParts))];
}

/** Lines of a key, or what a value in base64 stands for. */
const withParts = (secret: string): readonly string[] => {
  const isBase64 = /^[\w+/]{16,}={0,2}$/.test(secret);
  const decoded = isBase64 ? Buffer.from(secret, 'base64').toString('utf8') : '';
  const lines = [secret, decoded].flatMap((text) => text.split('\n'));
  return [secret, decoded, ...lines.filter((line) => line.length > 20 && !line.startsWith('---'))];
};

function textsIn(path: string, depth: number): readonly string[] {
  if (path === '' || depth > DEPTH_MAX) return [];
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) {
      return readNames(path).flatMap((name) => textsIn(join(path, name), depth + 1));
    }
    return stat.size > FILE_BYTES_MAX ? [] : [readFileSync(path, 'utf8').trim()];
  } catch {
    return []; // It is not there: then nothing of it is anywhere else either.
  }
}

function valuesIn(path: string, pattern: RegExp): readonly string[] {
  try {
    const text = path === '' ? '' : readFileSync(path, 'utf8');
    return [...text.matchAll(pattern)].flatMap(([, value]) => value ?? []);
  } catch {
    return [];
  }
}

function readNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
