// Finds the functions in blanked TypeScript (blank.ts): declarations, methods and arrows, with
// their length in lines and their number of positional parameters. It goes from each pair of
// parentheses and looks at what stands before and behind; function types count as arrows, too.

export type FunctionSpan = {
  readonly name: string;
  readonly line: number;
  readonly lines: number;
  readonly parameters: number;
  /** What the function is given to: `describe` for `describe('…', () => {…})`. */
  readonly argumentOf: string;
};

const OPENING = '([{';
const CLOSING = ')]}';
/** `if (…) {` and the like are no functions. */
const KEYWORDS = new Set(['if', 'for', 'while', 'switch', 'catch', 'return', 'await', 'typeof']);

export function findFunctions(code: string): readonly FunctionSpan[] {
  const found: FunctionSpan[] = [];
  for (let open = code.indexOf('('); open >= 0; open = code.indexOf('(', open + 1)) {
    const close = closingOf(code, open);
    const body = close < 0 ? undefined : bodyAfter(code, close + 1);
    if (body === undefined) continue;
    const name = /([\w$]*)\s*(?:<[^<>()]*>\s*)?$/.exec(textBefore(code, open))?.[1] ?? '';
    if (body.kind === 'block' && (name === '' || KEYWORDS.has(name))) continue;
    found.push({
      name: body.kind === 'arrow' ? arrowName(code, open) : name,
      line: lineOf(code, open),
      lines: lineOf(code, body.end) - lineOf(code, open) + 1,
      parameters: countParameters(code.slice(open + 1, close)),
      argumentOf: argumentOf(code, open),
    });
  }
  return found;
}

/** As much as a name and type parameters take: a search in all of the file takes its time. */
const textBefore = (code: string, open: number): string =>
  code.slice(Math.max(0, open - 200), open);

/** Offset of the bracket that closes the one at `open`; -1 when there is none. */
function closingOf(code: string, open: number): number {
  let depth = 0;
  for (let offset = open; offset < code.length; offset += 1) {
    const character = code[offset] ?? '';
    if (OPENING.includes(character)) depth += 1;
    else if (CLOSING.includes(character)) depth -= 1;
    if (depth === 0) return offset;
  }
  return -1;
}

type Body = { readonly kind: 'block' | 'arrow'; readonly end: number };

/** The body behind a parameter list, after a return type if there is one. */
function bodyAfter(code: string, start: number): Body | undefined {
  let offset = skipSpace(code, start);
  if (code[offset] === ':') offset = afterType(code, offset + 1);
  if (code[offset] === '{') return { kind: 'block', end: closingOf(code, offset) };
  if (!code.startsWith('=>', offset)) return undefined;
  return { kind: 'arrow', end: expressionEnd(code, skipSpace(code, offset + 2)) };
}

/** Where a type ends: at an arrow, or at a brace that does not begin another part of the type. */
function afterType(code: string, start: number): number {
  let isOperandNext = true;
  for (let offset = start; offset < code.length; offset += 1) {
    const character = code[offset] ?? '';
    if (/\s/.test(character)) continue;
    if (code.startsWith('=>', offset)) return offset;
    if (character === '{' && !isOperandNext) return offset;
    if (OPENING.includes(character)) offset = closingOf(code, offset);
    else if (CLOSING.includes(character) || character === ';' || character === ',') return offset;
    isOperandNext = '|&:<?'.includes(character);
    if (character === '<') {
      offset = closeAngle(code, offset);
      isOperandNext = false;
    }
  }
  return code.length;
}

function closeAngle(code: string, open: number): number {
  let depth = 0;
  for (let offset = open; offset < code.length; offset += 1) {
    if (code[offset] === '<') depth += 1;
    if (code[offset] === '>' && code[offset - 1] !== '=') depth -= 1;
    if (depth === 0) return offset;
  }
  return code.length;
}

/** Last offset of an expression, or of the block that an arrow has instead. */
function expressionEnd(code: string, start: number): number {
  if (code[start] === '{') return closingOf(code, start);
  for (let offset = start; offset < code.length; offset += 1) {
    const character = code[offset] ?? '';
    if (OPENING.includes(character)) offset = closingOf(code, offset);
    else if (CLOSING.includes(character) || character === ';' || character === ',') return offset;
    if (offset < 0) break;
  }
  return code.length - 1;
}

function countParameters(list: string): number {
  let count = 0;
  let isInside = false;
  for (let offset = 0; offset < list.length; offset += 1) {
    const character = list[offset] ?? '';
    if (/\s/.test(character)) continue;
    if (character === ',') {
      isInside = false;
      continue;
    }
    if (!isInside) count += 1;
    isInside = true;
    if (OPENING.includes(character)) offset = closingOf(list, offset);
    if (character === '<') offset = closeAngle(list, offset);
    if (offset < 0) break;
  }
  return count;
}

/** `const name = (…) =>`, `name: (…) =>`; '' for an anonymous one. */
const arrowName = (code: string, open: number): string =>
  /([\w$]+)\s*(?::[^=;,{}()]*)?[=:]\s*(?:async\s*)?(?:<[^<>]*>\s*)?$/.exec(
    textBefore(code, open),
  )?.[1] ?? '';

/** The call that the function is an argument of, if it begins on the same line. */
function argumentOf(code: string, open: number): string {
  const line = code.slice(code.lastIndexOf('\n', open) + 1, open);
  return /([\w$.]+)\((?:[^()]*,)?\s*(?:async\s*)?$/.exec(line)?.[1] ?? '';
}

function skipSpace(code: string, start: number): number {
  let offset = start;
  while (/\s/.test(code[offset] ?? '')) offset += 1;
  return offset;
}

export function lineOf(code: string, offset: number): number {
  let line = 1;
  for (let index = code.indexOf('\n'); index >= 0 && index < offset; ) {
    line += 1;
    index = code.indexOf('\n', index + 1);
  }
  return line;
}
