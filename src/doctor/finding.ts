// What the doctor says: findings, each with what is wrong, why that matters, and what to do. The
// JSON of `poplin doctor --json` consists of these members, which docs/doctor.md describes; new
// ones may come, none changes its meaning.

import type { CheckName } from './names.ts';

/** `error`: something does not work. `warning`: it works, and will not for long or not for all. */
export type Severity = 'error' | 'warning';

export type Finding = {
  readonly check: CheckName;
  readonly severity: Severity;
  /** What is wrong, with the names and values that were seen. */
  readonly what: string;
  /** What follows from it, or how it comes about. */
  readonly why: string;
  /** What the operator is to do: a command where there is one. */
  readonly do: string;
};

/** What a check finds: it is named by whoever asks it. */
export type Found = Omit<Finding, 'check'>;

/** A check that could not look, and why. */
export type Skipped = { readonly skipped: string };

export type Verdict = readonly Found[] | Skipped;

export const isSkipped = (verdict: Verdict): verdict is Skipped => 'skipped' in verdict;

export type Diagnosis = {
  readonly schema: 1;
  readonly version: string;
  /** '' where nobody has told which node this is. */
  readonly node: string;
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
  /** Checks that could not look. */
  readonly skipped: readonly { readonly check: CheckName; readonly why: string }[];
};
