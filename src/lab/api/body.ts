// The body of a request as an object, by its content type: JSON, YAML, or the protobuf of a few
// kinds. Any other type is refused with 415.

import { parse as parseYaml } from 'yaml';
import type { ApiRequest } from './answer.ts';
import { isJsonObject } from './object.ts';
import { decodeProtobuf } from './protobuf.ts';
import { badRequest, StatusError, unsupportedMediaType } from './status.ts';

export function parseBody({ body, contentType }: ApiRequest): unknown {
  switch (mediaType(contentType)) {
    case '':
    case 'application/json':
      return parseText(body, JSON.parse);
    case 'application/yaml':
      return parseText(body, parseYaml);
    case 'application/vnd.kubernetes.protobuf':
      return decodeProtobuf(body);
    default:
      throw unsupportedMediaType(
        'the body of the request was in an unknown format - accepted media types include:' +
          ' application/json, application/yaml, application/vnd.kubernetes.protobuf',
      );
  }
}

/** Without parameters: `application/json`. */
export const mediaType = (contentType = ''): string => contentType.split(';')[0]?.trim() ?? '';

/** The options in the body of a DELETE; none is fine, and nonsense is what the server fails at. */
export function parseOptions(request: ApiRequest): Readonly<Record<string, unknown>> | undefined {
  if (request.body.length === 0) return undefined;
  try {
    const options = parseBody(request);
    if (isJsonObject(options)) return options;
  } catch (error) {
    if (error instanceof StatusError && error.body.code !== 400) throw error;
  }
  throw new StatusError({ code: 500, message: 'the options in the body cannot be read' });
}

export function parseText(body: Buffer, parse: (text: string) => unknown): unknown {
  try {
    return parse(body.toString());
  } catch (error) {
    throw badRequest(`the body of the request cannot be read: ${String(error)}`);
  }
}
