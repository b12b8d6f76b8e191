// How many address families the nodes of a lab are to have, as its configuration says: fewer than
// its underlay has where one is switched off, and another number after each edit. Pure.

import { parseConfig } from '../config/parse.ts';
import type { LabPlan } from './plan.ts';

/** Of a text that is not right: those of the underlay. */
export function familyCountOf(netConfText: string, { spec }: Pick<LabPlan, 'spec'>): number {
  const parsed = parseConfig(netConfText);
  return parsed.kind === 'ok' ? parsed.config.families.length : spec.families.length;
}
