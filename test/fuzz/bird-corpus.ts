// What real BIRDs (Debian's 2.0.12 and 2.17.5) said on their control sockets: whole conversations,
// each command behind `> `. The unit tests know what they mean; the fuzz test breaks them.

import { readdirSync, readFileSync } from 'node:fs';

const DIRECTORY = new URL('./corpus/bird/', import.meta.url);

export const conversationNames: readonly string[] = readdirSync(DIRECTORY).sort();

export type Conversation = readonly { readonly command: string; readonly reply: string }[];

/** The greeting is the answer to ''. */
export function conversation(name: string): Conversation {
  const text = readFileSync(new URL(name, DIRECTORY), 'utf8');
  const [greeting = '', ...rest] = text.split(/^> /m);
  return [
    { command: '', reply: greeting },
    ...rest.map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), reply: part.slice(end + 1) };
    }),
  ];
}

export function recorded(name: string, command: string): Buffer {
  const found = conversation(name).find((each) => each.command.startsWith(command));
  if (found === undefined) throw new Error(`${name} has no ${command}`);
  return Buffer.from(found.reply);
}
