// Whether the newest configuration is in force.

import type { ConfigProblem } from '../../config/config.ts';
import type { Facts } from '../facts.ts';
import type { Verdict } from '../finding.ts';

export function config({ agent }: Facts): Verdict {
  if (!agent.known) return { skipped: 'the agent does not answer' };
  const { problems } = agent.value.config;
  if (problems.length === 0) return [];
  return [
    {
      severity: 'error',
      what: `net-conf.json is not in force: ${problems.map(inWords).join('; ')}`,
      why: 'the node goes on by the last configuration that was valid, if there was any',
      do: 'correct it where it is kept; poplin config check FILE tries it beforehand',
    },
  ];
}

const inWords = ({ key, value, message }: ConfigProblem): string =>
  `${key === '' ? 'the document' : key}${value === '' ? '' : ` ${value}`}: ${message}`;
