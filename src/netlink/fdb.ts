// Entries of a VXLAN device's own forwarding database: RTM_*NEIGH with AF_BRIDGE and NTF_SELF
// (drivers/net/vxlan/vxlan_core.c). A frame to `mac` is sent to the VTEP at `remote`.

import type { Ip } from '../net/ip.ts';
import type { Mac } from '../net/mac.ts';
import { AF_BRIDGE } from './constants.ts';
import type { MessageCursor } from './cursor.ts';
import type { MessageWriter } from './message.ts';
import {
  NDA_DST,
  NDA_LLADDR,
  NDMSG_BYTES,
  NUD_PERMANENT,
  neighbourHeader,
  neighbourLinkOf,
  neighbourStateOf,
} from './neighbour.ts';

const NTF_SELF = 0x02;
const NUD_REACHABLE = 0x02;

export type FdbMessage = {
  readonly linkIndex: number;
  readonly mac: Mac | undefined;
  /** Absent in a removal: the entry goes with whatever remote it has. */
  readonly remote: Ip | undefined;
  readonly permanent: boolean;
};

export function encodeFdbEntry(
  writer: MessageWriter,
  request: { readonly type: number; readonly flags: number },
  entry: FdbMessage,
): number {
  const sequence = writer.begin(request.type, request.flags);
  const state = entry.permanent ? NUD_PERMANENT : NUD_REACHABLE;
  neighbourHeader(writer, {
    family: AF_BRIDGE,
    linkIndex: entry.linkIndex,
    state,
    flags: NTF_SELF,
  });
  if (entry.mac !== undefined) writer.attributeMac(NDA_LLADDR, entry.mac);
  if (entry.remote !== undefined) writer.attributeIp(NDA_DST, entry.remote);
  writer.end();
  return sequence;
}

export function decodeFdbEntry(message: MessageCursor): FdbMessage {
  let mac: Mac | undefined;
  let remote: Ip | undefined;
  const attributes = message.attributes(NDMSG_BYTES);
  while (attributes.next()) {
    if (attributes.type === NDA_DST) remote = attributes.ip();
    else if (attributes.type === NDA_LLADDR && attributes.lengthBytes === 6) mac = attributes.mac();
  }
  return {
    linkIndex: neighbourLinkOf(message),
    mac,
    remote,
    permanent: (neighbourStateOf(message) & NUD_PERMANENT) !== 0,
  };
}
