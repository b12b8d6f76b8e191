// The building blocks of the schema: numbers, flags and texts whose errors say what would be right.
// A misplaced pair of quotes, the commonest slip, is named.

import * as z from 'zod';

type RawIssue = { readonly input?: unknown };
type ErrorText = (issue: RawIssue) => string;

/** Adds the hint for the commonest slip: a number or a boolean written as a string. */
const unquoted =
  (right: string, looksRight: RegExp): ErrorText =>
  ({ input }) =>
    typeof input === 'string' && looksRight.test(input) ? `${right}, without quotes` : right;

export function wholeNumber(min: number, max: number, before = ''): z.ZodInt {
  const error = unquoted(`must be ${before}a whole number from ${min} to ${max}`, /^\d+$/);
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** 0 stands for "not given" in Flannel's numbers. */
export function zeroOr(min: number, max: number): z.ZodUnion<[z.ZodLiteral<0>, z.ZodInt]> {
  const error = unquoted(`must be 0, or a whole number from ${min} to ${max}`, /^\d+$/);
  return z.union([z.literal(0), wholeNumber(min, max, '0, or ')], { error });
}

export const flag = (): z.ZodBoolean =>
  z.boolean({ error: unquoted('must be true or false', /^(true|false)$/i) });

/** A string that `explain` has nothing against; `format` as in "an IPv4 network". */
export function textThat(
  { format, example }: { readonly format: string; readonly example: string },
  explain: (text: string) => string | undefined,
): z.ZodString {
  return z
    .string({ error: `must be ${format} in quotes, for example "${example}"` })
    .superRefine((text, context) => {
      const problem = explain(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    })
    .meta({ format });
}

export const about = <T extends z.ZodType>(schema: T, description: string): T =>
  schema.meta({ description });
