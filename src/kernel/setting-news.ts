// What notifications of sysctls mean: whether one has another value than we last saw or gave it.
// The kernel tells of forwarding and rp_filter, of whoever set them, without saying who; of all
// other settings it tells nothing, and they are found by the next look.

import type { NetconfMessage } from '../netlink/netconf.ts';
import { NETCONFA_IFINDEX_ALL } from '../netlink/netconf.ts';
import type { LinkTable } from './links.ts';
import { linkSettingOf } from './sysctl.ts';

/** What is read by files: of all links together. */
const FILES: Readonly<Record<string, string>> = {
  'ipv4 forwarding': 'ipv4/ip_forward',
  'ipv4 rp_filter': 'ipv4/conf/all/rp_filter',
  'ipv6 forwarding': 'ipv6/conf/all/forwarding',
};
const SETTINGS = ['forwarding', 'rp_filter'] as const;

export class SettingNews {
  readonly #links: LinkTable;
  /** As last read or written, by path. */
  #known: ReadonlyMap<string, string> = new Map();

  constructor(links: LinkTable) {
    this.#links = links;
  }

  /** All that was read. */
  remember(sysctls: ReadonlyMap<string, string>): void {
    this.#known = sysctls;
  }

  wrote(path: string, value: string): void {
    if (this.#known.has(path)) this.#known = new Map([...this.#known, [path, value]]);
  }

  /** Whether the message says something new; it is known from then on. */
  isNews(message: NetconfMessage): boolean {
    let isNews = false;
    for (const setting of SETTINGS) {
      const value = message[setting];
      if (value === undefined) continue;
      const isOfAll = message.linkIndex === NETCONFA_IFINDEX_ALL;
      const path = FILES[`${message.family} ${setting}`];
      if (isOfAll && path !== undefined) isNews = this.#isNewsOfAll(path, value) || isNews;
      else if (message.family === 'ipv4') isNews = this.#isNewsOfLink(message, setting) || isNews;
    }
    return isNews;
  }

  #isNewsOfAll(path: string, value: number): boolean {
    const known = this.#known.get(path);
    this.wrote(path, String(value));
    return known !== undefined && known !== String(value);
  }

  /** Of a link that nobody knows yet its own message will tell. */
  #isNewsOfLink(message: NetconfMessage, setting: (typeof SETTINGS)[number]): boolean {
    const link = this.#links.get(message.linkIndex);
    const id = linkSettingOf(`ipv4/conf/any/${setting}`)?.id;
    const value = message[setting];
    if (link === undefined || id === undefined || value === undefined) return false;
    const ipv4Settings = [...link.ipv4Settings];
    ipv4Settings[id - 1] = value;
    return this.#links.set({ ...link, ipv4Settings });
  }
}
