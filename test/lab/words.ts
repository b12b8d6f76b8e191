// What nodes of a lab say of what happened: in their logs and in the Events of their Nodes.

import { readFileSync } from 'node:fs';
import type { TestLab } from './lab.ts';
import { until } from './lab.ts';

const UNTIL_MS = 120_000;

export const logOf = ({ directory }: TestLab, node: string): string =>
  readFileSync(directory.node(node).logFile, 'utf8');

export const untilLogged = (lab: TestLab, node: string, says: RegExp): Promise<boolean> =>
  until(`${node} logs ${says}`, () => says.test(logOf(lab, node)), UNTIL_MS);

/** Resolves with the message of the Event. */
export const untilEvent = (lab: TestLab, node: string, reason: string): Promise<string> =>
  until(
    `an Event ${reason} of ${node}`,
    async () => {
      const events = await lab.api.events();
      const found = events.find(
        (event) => event.involvedObject.name === node && event.reason === reason,
      );
      return found?.message;
    },
    UNTIL_MS,
  );
