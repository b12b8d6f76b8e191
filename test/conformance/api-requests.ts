// The requests that a real kube-apiserver and the embedded API must answer alike, in the order in
// which they are sent: later ones build on earlier ones. To compare one more, add a line to one of
// the tables. What is different on purpose stands in api/differences.ts, each with its reason.

import type { ApiCase } from './api/case.ts';
import { CREATE_CASES } from './api/create-cases.ts';
import { PATCH_CASES } from './api/patch-cases.ts';
import { READ_CASES } from './api/read-cases.ts';
import { STRATEGIC_CASES } from './api/strategic-cases.ts';
import { WRITE_CASES } from './api/write-cases.ts';

export const API_REQUESTS: Readonly<Record<string, readonly ApiCase[]>> = {
  ...CREATE_CASES,
  ...READ_CASES,
  replace: WRITE_CASES.replace,
  ...PATCH_CASES,
  'strategic merge patch': STRATEGIC_CASES,
  delete: WRITE_CASES.delete,
  dependents: WRITE_CASES.dependents,
  apply: WRITE_CASES.apply,
};
