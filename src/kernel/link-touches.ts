// What is set on links that are there: aliases, and the IPv4 settings that netlink has. All of one
// link goes in one message, because each message makes the kernel tell everybody of the link anew.
// Nothing is sent from here: what is collected is written in front of the next op that differs.

import { AppError } from '../lib/errors.ts';
import { CHANGE } from '../netlink/constants.ts';
import type { AddressGeneration, Ipv4Setting, LinkMessage } from '../netlink/link.ts';
import { encodeLink, RTM_SETLINK } from '../netlink/link.ts';
import type { Link } from '../state/kernel-state.ts';
import type { AddOp, Op, Sysctl } from '../state/op.ts';
import type { Resolver } from './requests.ts';
import { linkSettingOf } from './sysctl.ts';

export type LinkAdd = AddOp & { readonly object: 'link' };

/** What is set on one link, by which ops. */
export type Touch = {
  readonly index: number;
  readonly ops: Op[];
  alias?: string;
  addressGeneration?: AddressGeneration;
  readonly settings: Ipv4Setting[];
};

export class LinkTouches {
  readonly #resolver: Resolver;
  /** By index. */
  #touches = new Map<number, Touch>();

  constructor(resolver: Resolver) {
    this.#resolver = resolver;
  }

  get size(): number {
    return this.#touches.size;
  }

  /** What the kernel ignores in the making of a link. */
  addAlias(op: LinkAdd, index: number, addressGeneration?: AddressGeneration): void {
    const touch = this.#of(index);
    if (addressGeneration !== undefined) touch.addressGeneration = addressGeneration;
    touch.ops.push(op);
    touch.alias = op.value.alias;
  }

  /** `isMade`: whether this batch made the link, so that what is known of it is no news. */
  addSetting(op: Op & { readonly value: Sysctl }, isMade: (link: string) => boolean): void {
    const { link, ...setting } = settingFrom(op.value);
    const index = this.#resolver.link(link);
    const known = this.#resolver.session.links.get(index);
    // What it got from conf/default is right already, as forwarding mostly is.
    if (isMade(link) && known?.ipv4Settings[setting.id - 1] === setting.value) return;
    const touch = this.#of(index);
    touch.ops.push(op);
    touch.settings.push(setting);
  }

  /** Writes a message for each link; the caller hands back what was carried out to `settle`. */
  write(written: (touch: Touch, sequence: number) => void): void {
    const touches = this.#touches;
    if (touches.size === 0) return;
    this.#touches = new Map();
    const { writer } = this.#resolver;
    for (const touch of touches.values()) {
      const { index, alias, addressGeneration, settings } = touch;
      const fields = {
        index,
        ...(alias === undefined ? {} : { alias }),
        ...(addressGeneration === undefined ? {} : { addressGeneration }),
        ...(settings.length === 0 ? {} : { ipv4Changes: settings }),
      };
      written(touch, encodeLink(writer, { type: RTM_SETLINK, flags: CHANGE }, fields));
    }
  }

  #of(index: number): Touch {
    const known = this.#touches.get(index);
    if (known !== undefined) return known;
    const touch: Touch = { index, ops: [], settings: [] };
    this.#touches.set(index, touch);
    return touch;
  }
}

/** The link as it is after it was touched. */
export function touchedLink(known: LinkMessage, { alias, settings }: Touch): LinkMessage {
  const ipv4Settings = [...known.ipv4Settings];
  for (const { id, value } of settings) ipv4Settings[id - 1] = value;
  return { ...known, ipv4Settings, ...(alias === undefined ? {} : { alias }) };
}

/** The link as it is after it was changed; not for what only VXLAN devices have. */
export function changedLink(known: LinkMessage, wanted: Link): LinkMessage {
  const { up, mtuBytes, mac, group, alias } = wanted;
  return { ...known, up, mtuBytes, mac, group, alias };
}

/** Only for the settings that netlink has: sysctl.ts says which. */
function settingFrom({ path, value }: Sysctl): { link: string; id: number; value: number } {
  const setting = linkSettingOf(path);
  const number = Number(value);
  if (setting === undefined || !Number.isInteger(number) || value.trim() === '') {
    throw new AppError('NETLINK', `set sysctl ${path}`, `${value} is not a whole number`);
  }
  return { ...setting, value: number };
}
