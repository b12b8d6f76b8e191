// The same operations as the agent's, as input for `ip -batch`, `bridge -batch` and `nft -f`: what
// somebody without a netlink codec of their own would do. The order of the operations is kept, so
// neighbouring ones of one tool share a file. Pure.

import type { Op } from '../../src/state/op.ts';
import { NFT_TABLE } from '../../src/state/own.ts';

export type Tool = 'ip' | 'bridge' | 'nft';
export type BatchFile = { readonly tool: Tool; readonly text: string };

const FIRST_NEXTHOP_ID = 1000;

/** Numbers of nexthop objects by link and gateway; the same ones for adding and for removing. */
export class NexthopNumbers {
  readonly #numbers = new Map<string, number>();

  of({ link, gateway }: { readonly link: string; readonly gateway: string }): number {
    const key = `${link} ${gateway}`;
    const number = this.#numbers.get(key) ?? FIRST_NEXTHOP_ID + this.#numbers.size;
    this.#numbers.set(key, number);
    return number;
  }
}

export function batchFiles(ops: readonly Op[], numbers: NexthopNumbers): BatchFile[] {
  const runs: { tool: Tool; lines: string[] }[] = [];
  for (const op of ops) {
    const { tool, line } = command(op, numbers);
    const last = runs.at(-1);
    if (last?.tool === tool) last.lines.push(line);
    else runs.push({ tool, lines: [line] });
  }
  return runs.map(({ tool, lines }) => ({
    tool,
    text: tool === 'nft' ? elementsText(lines) : `${lines.join('\n')}\n`,
  }));
}

function command(op: Op, numbers: NexthopNumbers): { tool: Tool; line: string } {
  const verb = op.verb === 'remove' ? 'del' : 'add';
  switch (op.object) {
    case 'neighbour': {
      const { link, address, mac } = op.value;
      return {
        tool: 'ip',
        line: `neigh ${verb} ${address} lladdr ${mac} dev ${link} nud permanent`,
      };
    }
    case 'fdb': {
      const { link, mac, remote } = op.value;
      return {
        tool: 'bridge',
        line: `fdb ${verb} ${mac} dev ${link} dst ${remote} self permanent`,
      };
    }
    case 'nexthop': {
      const { link, gateway, onlink } = op.value;
      const id = numbers.of(op.value);
      if (verb === 'del') return { tool: 'ip', line: `nexthop del id ${id}` };
      const rest = `via ${gateway} dev ${link}${onlink ? ' onlink' : ''} proto 113`;
      return { tool: 'ip', line: `nexthop add id ${id} ${rest}` };
    }
    case 'route': {
      const { destination, metric, protocol, source, via } = op.value;
      if (via.kind !== 'nexthop') break;
      const preferred = source === undefined ? '' : ` src ${source}`;
      const rest = `nhid ${numbers.of(via)} proto ${protocol} metric ${metric}${preferred}`;
      return { tool: 'ip', line: `route ${verb} ${destination} ${rest}` };
    }
    case 'nft-element':
      return {
        tool: 'nft',
        line: `${verb === 'del' ? 'delete' : 'add'} ${op.value.set} ${op.value.element}`,
      };
  }
  throw new Error(`a peer needs no ${op.object} of this kind`);
}

/** One command for each set, which is the fastest that nft offers. */
function elementsText(lines: readonly string[]): string {
  const bySet = new Map<string, string[]>();
  for (const line of lines) {
    const [verb = '', set = '', element = ''] = line.split(' ');
    const key = `${verb} element inet ${NFT_TABLE} ${set}`;
    const items = bySet.get(key) ?? [];
    items.push(element);
    bySet.set(key, items);
  }
  return [...bySet].map(([start, items]) => `${start} { ${items.join(', ')} }\n`).join('');
}
