// `poplin lab page [NODE]`: the web page of a lab in the browser of this machine, as the agent of
// one node serves it, until somebody ends the command.

import type { LabDirectory } from '../lab/lab-directory.ts';
import { startPageRelay, urlOf } from '../lab/page-relay.ts';
import type { LabPlan } from '../lab/plan.ts';
import { AppError } from '../lib/errors.ts';
import type { CommandIo } from './io.ts';
import { EXIT_OK } from './io.ts';

export type PageWords = { readonly words: readonly string[]; readonly port: string };

export async function labPage(
  { plan, directory }: { readonly plan: LabPlan; readonly directory: LabDirectory },
  { words, port }: PageWords,
  io: CommandIo,
): Promise<number> {
  const [first] = plan.nodes;
  const name = words[0] ?? first?.name ?? '';
  const node = plan.nodes.find((candidate) => candidate.name === name);
  if (node === undefined || words.length > 1) {
    throw new AppError('USAGE', 'poplin lab page', `"${words.join(' ')}" is no node of the lab`);
  }
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new AppError('USAGE', 'poplin lab page', `--port "${port}" is not a port`);
  }
  const server = await startPageRelay(directory.node(node.name), Number(port));
  io.out(`the cluster as ${node.name} sees it: ${urlOf(server)} (Ctrl-C ends this)\n`);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.once(signal, () => resolve());
    }
  });
  server.close();
  return EXIT_OK;
}
