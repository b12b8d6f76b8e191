// Passwords of BGP sessions: each Secret that is named is mounted where the agent looks for it by
// default, as a directory of its name. One that is not there keeps no agent from starting: its
// sessions are left out and named until it is.

import type { Yaml } from './yaml.ts';
import { each, raw } from './yaml.ts';

const FILES = '/etc/poplin/bgp-passwords';

/** Of the overlay; the name in the examples of docs/configuration.md. */
export const PASSWORD_SECRET = 'bgp-passwords';

export type PasswordSecrets = {
  /** An entry for each Secret, from the one that is written with the three below. */
  readonly forEach: (entry: Yaml) => readonly Yaml[];
  readonly volume: Yaml;
  readonly name: Yaml;
  readonly path: Yaml;
};

export const onePasswordSecret = (name: string): PasswordSecrets => ({
  forEach: (entry) => [entry],
  ...{ volume: 'bgp-passwords', name, path: `${FILES}/${name}` },
});

export const noPasswordSecret = (): PasswordSecrets => ({
  ...onePasswordSecret(PASSWORD_SECRET),
  forEach: () => [],
});

/** By number: names of Secrets may be longer than those of volumes, and have dots. */
export const passwordSecretsOf = (list: string): PasswordSecrets => ({
  forEach: (entry) => [each(`$index, $secret := ${list}`, entry)],
  volume: raw('printf "bgp-passwords-%d" $index'),
  name: raw('$secret | quote'),
  path: raw(`printf "${FILES}/%s" $secret | quote`),
});

export const passwordMounts = ({ forEach, volume, path }: PasswordSecrets): readonly Yaml[] =>
  forEach({ name: volume, mountPath: path, readOnly: true });

export const passwordVolumes = ({ forEach, volume, name }: PasswordSecrets): readonly Yaml[] =>
  forEach({ name: volume, secret: { secretName: name, defaultMode: 0o400, optional: true } });
