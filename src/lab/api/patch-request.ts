// A PATCH as a function from the current object to the new one, by the three kinds of patches that
// have a content type here. Server-side apply has none: it is answered as a server of which the
// feature is off would, so that clients fall back.

import type { ApiRequest } from './answer.ts';
import { parseText } from './body.ts';
import { jsonPatch } from './json-patch.ts';
import type { Kind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { mergePatch } from './patch.ts';
import { badRequest, invalidPatch, StatusError, unsupportedMediaType } from './status.ts';
import { strategicMergePatch } from './strategic-patch.ts';

export function patchFunction(
  { kind }: Kind,
  { body }: ApiRequest,
  type: string,
): (current: KubeObject) => unknown {
  switch (type) {
    case 'application/json-patch+json': {
      const operations = parseText(body, JSON.parse);
      return (current) => jsonPatch(current, operations);
    }
    case 'application/merge-patch+json': {
      const patch = mergePatchOf(body);
      return (current) => mergePatch(current, patch);
    }
    case 'application/strategic-merge-patch+json': {
      const patch = parseText(body, JSON.parse);
      if (!isJsonObject(patch)) throw badRequest('the patch is not a JSON object');
      return (current) => strategicMergePatch(kind, current, patch);
    }
    default:
      throw unsupportedMediaType('415: Unsupported Media Type');
  }
}

/** The real server fails at text that it cannot merge, and refuses a list only afterwards. */
function mergePatchOf(body: Buffer): unknown {
  let patch: unknown;
  try {
    patch = JSON.parse(body.toString());
  } catch {
    throw new StatusError({ code: 500, message: 'Invalid JSON Patch' });
  }
  if (isJsonObject(patch)) return patch;
  if (Array.isArray(patch)) throw invalidPatch('a list is not an object');
  throw new StatusError({ code: 500, message: 'Invalid JSON Patch' });
}
