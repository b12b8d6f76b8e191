// The keys of a schema's objects as a tree, so that spelling and suggestions need no list of their
// own. It looks through lists, defaults and keys that may be left out; what is chosen by a type
// (`Backend`) has no keys here.

import * as z from 'zod';

/** By key; those of a value that is no object, nor a list of objects, are none. */
export type KeyTree = ReadonlyMap<string, KeyTree>;

export function keyTree(schema: unknown): KeyTree {
  if (schema instanceof z.ZodObject) {
    return new Map(Object.entries(schema.shape).map(([key, member]) => [key, keyTree(member)]));
  }
  if (schema instanceof z.ZodArray) return keyTree(schema.element);
  const isWrapped =
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault;
  return isWrapped ? keyTree(schema.unwrap()) : new Map();
}
