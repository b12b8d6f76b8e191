// Settings below /proc/sys/net. The IPv4 settings of one link go by netlink (IFLA_INET_CONF), where
// they come for nothing with the links, and where no file system has to be writable; all others are
// files, read and written inside the namespace whose settings they are.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../lib/errors.ts';
import { inOptionalNetns } from './netns.ts';

/** IPV4_DEVCONF_* of linux/ip.h, in order from 1. */
const IPV4_SETTINGS: readonly string[] = [
  'forwarding',
  'mc_forwarding',
  'proxy_arp',
  'accept_redirects',
  'secure_redirects',
  'send_redirects',
  'shared_media',
  'rp_filter',
  'accept_source_route',
  'bootp_relay',
  'log_martians',
  'tag',
  'arp_filter',
  'medium_id',
  'disable_xfrm',
  'disable_policy',
  'force_igmp_version',
  'arp_announce',
  'arp_ignore',
  'promote_secondaries',
  'arp_accept',
  'arp_notify',
  'accept_local',
  'src_valid_mark',
  'proxy_arp_pvlan',
  'route_localnet',
  'igmpv2_unsolicited_report_interval',
  'igmpv3_unsolicited_report_interval',
  'ignore_routes_with_linkdown',
  'drop_unicast_in_l2_multicast',
  'drop_gratuitous_arp',
  'bc_forwarding',
  'arp_evict_nocarrier',
];

export type LinkSetting = { readonly link: string; readonly id: number };

/** The link and number of `ipv4/conf/<link>/<key>`; undefined for what only files have. */
export function linkSettingOf(path: string): LinkSetting | undefined {
  const [protocol, conf, link, key, ...rest] = path.split('/');
  if (protocol !== 'ipv4' || conf !== 'conf' || rest.length > 0) return undefined;
  if (link === undefined || link === 'all' || link === 'default' || key === undefined) {
    return undefined;
  }
  const id = IPV4_SETTINGS.indexOf(key) + 1;
  return id === 0 ? undefined : { link, id };
}

export class SysctlFiles {
  readonly #root: string;
  readonly #netns: number | undefined;

  /** `root` is /proc/sys/net, or where it is mounted writable. */
  constructor(root: string, netns: number | undefined) {
    this.#root = root;
    this.#netns = netns;
  }

  /** The values of those that are there. */
  read(paths: readonly string[]): Map<string, string> {
    const values = new Map<string, string>();
    if (paths.length === 0) return values;
    inOptionalNetns(this.#netns, () => {
      for (const path of paths) {
        const value = readIfThere(join(this.#root, path));
        if (value !== undefined) values.set(path, value);
      }
    });
    return values;
  }

  write(path: string, value: string): void {
    const file = join(this.#root, path);
    try {
      inOptionalNetns(this.#netns, () => writeFileSync(file, value));
    } catch (error) {
      if (error instanceof AppError) throw error;
      throw new AppError('FILE', `set sysctl ${path} to ${value}`, `cannot write ${file}`, error);
    }
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // EINVAL, ENODEV: the link went while its file was open.
    if (code === 'ENOENT' || code === 'EINVAL' || code === 'ENODEV') return undefined;
    throw new AppError('FILE', `read sysctl ${file}`, 'it cannot be read', error);
  }
}
