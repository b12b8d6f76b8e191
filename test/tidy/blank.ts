// Blanks everything in a TypeScript text that is not code (comments, and what stands inside of
// strings, templates and regular expressions), character by character, so that offsets and lines
// stay the same. What is left can be searched by simple patterns. TypeScript 7 offers no parser to
// programs, and this is enough for a project that is formatted by one tool.

type Cursor = { readonly text: string; offset: number; code: string };

/** After these a `/` begins a regular expression, not a division. */
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|of|in|throw|await))$/;

export function blank(text: string): string {
  const cursor: Cursor = { text, offset: 0, code: '' };
  blankCode(cursor, '');
  return cursor.code;
}

/** Code up to `end` at the same depth of braces; '' is the end of the text. */
function blankCode(cursor: Cursor, end: '}' | ''): void {
  let depth = 0;
  while (cursor.offset < cursor.text.length) {
    const rest = cursor.text.slice(cursor.offset, cursor.offset + 2);
    const [character = ''] = rest;
    if (rest === '//') erase(cursor, lengthTo(cursor, '\n'));
    else if (rest === '/*') erase(cursor, lengthTo(cursor, '*/') + 2);
    else if (character === "'" || character === '"') blankString(cursor, character);
    else if (character === '`') blankTemplate(cursor);
    else if (character === '/' && BEFORE_REGEX.test(cursor.code.trimEnd())) blankRegex(cursor);
    else {
      if (character === '{') depth += 1;
      if (character === '}' && end === '}' && depth === 0) return;
      if (character === '}') depth -= 1;
      keep(cursor, 1);
    }
  }
}

function blankString(cursor: Cursor, quote: string): void {
  keep(cursor, 1);
  while (cursor.offset < cursor.text.length && cursor.text[cursor.offset] !== quote) {
    erase(cursor, cursor.text[cursor.offset] === '\\' ? 2 : 1);
  }
  keep(cursor, 1);
}

function blankTemplate(cursor: Cursor): void {
  keep(cursor, 1);
  while (cursor.offset < cursor.text.length && cursor.text[cursor.offset] !== '`') {
    if (cursor.text.startsWith('${', cursor.offset)) {
      keep(cursor, 2);
      blankCode(cursor, '}');
      keep(cursor, 1);
    } else {
      erase(cursor, cursor.text[cursor.offset] === '\\' ? 2 : 1);
    }
  }
  keep(cursor, 1);
}

function blankRegex(cursor: Cursor): void {
  let inClass = false;
  keep(cursor, 1);
  while (cursor.offset < cursor.text.length) {
    const character = cursor.text[cursor.offset];
    if (character === '\n' || (character === '/' && !inClass)) break;
    if (character === '[') inClass = true;
    if (character === ']') inClass = false;
    erase(cursor, character === '\\' ? 2 : 1);
  }
  keep(cursor, 1);
}

function lengthTo(cursor: Cursor, end: string): number {
  const found = cursor.text.indexOf(end, cursor.offset);
  return (found < 0 ? cursor.text.length : found) - cursor.offset;
}

function keep(cursor: Cursor, length: number): void {
  cursor.code += cursor.text.slice(cursor.offset, cursor.offset + length);
  cursor.offset += length;
}

function erase(cursor: Cursor, length: number): void {
  const part = cursor.text.slice(cursor.offset, cursor.offset + length);
  cursor.code += part.replaceAll(/[^\n]/g, ' ');
  cursor.offset += length;
}
