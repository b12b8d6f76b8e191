// The page of `poplin doctor` for a terminal: each finding with what follows and what to do, then
// what could not be looked at. Pure.

import type { Diagnosis, Finding } from './finding.ts';
import { CHECK_NAMES } from './names.ts';

const WIDTH = 96;

export function renderDiagnosis({ node, version, findings, skipped }: Diagnosis): string {
  const name = node === '' ? 'this node' : node;
  const looked = CHECK_NAMES.length - skipped.length;
  const head =
    findings.length === 0
      ? `${name}, poplin ${version}: nothing is wrong, by ${looked} checks`
      : `${name}, poplin ${version}: ${count(findings.length, 'finding')}, by ${looked} checks`;
  const lines = [
    head,
    ...findings.flatMap((finding, index) => ['', ...findingLines(finding, index + 1)]),
    ...(skipped.length === 0 ? [] : ['', 'not looked at:']),
    ...byReason(skipped).flatMap((text) => wrap(text, '  ')),
  ];
  return `${lines.join('\n')}\n`;
}

function byReason(skipped: Diagnosis['skipped']): readonly string[] {
  const checks = new Map<string, string[]>();
  for (const { check, why } of skipped) checks.set(why, [...(checks.get(why) ?? []), check]);
  return [...checks].map(([why, names]) => `${names.join(', ')}: ${why}`);
}

const count = (number: number, what: string): string =>
  `${number} ${what}${number === 1 ? '' : 's'}`;

const findingLines = (finding: Finding, number: number): readonly string[] => [
  `${number}. ${finding.check} (${finding.severity})`,
  ...wrap(finding.what, '   what  '),
  ...wrap(finding.why, '   why   '),
  ...wrap(finding.do, '   do    '),
];

/** Words that are longer than a line stay whole: they are there to be copied. */
function wrap(text: string, label: string): readonly string[] {
  const indent = ' '.repeat(label.length);
  const lines: string[] = [];
  let line = label;
  let isEmpty = true;
  for (const word of text.split(/\s+/)) {
    if (!isEmpty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
