// Who may do what, as far as the embedded API knows: everything, but for what a test has taken
// away. Denied requests get 403 as from RBAC, and a SelfSubjectAccessReview says so beforehand.

import type { Answer, ApiRequest } from './answer.ts';
import { jsonAnswer } from './answer.ts';
import { parseRoute } from './route.ts';
import { StatusError } from './status.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

type Attributes = {
  readonly verb?: string;
  readonly resource?: string;
  readonly subresource?: string;
};

export class Permissions {
  readonly #denied = new Set<string>();

  /** `patch nodes/status`; returns what allows it again. */
  deny(action: string): () => void {
    this.#denied.add(action);
    return () => void this.#denied.delete(action);
  }

  /** Answers a review, throws what is denied; undefined for all else. */
  check(request: ApiRequest): Answer | undefined {
    if (request.method === 'POST' && request.path === REVIEWS) return this.#review(request);
    if (this.#denied.size === 0) return undefined;
    const action = actionOfRequest(request);
    if (action === undefined || !this.#denied.has(action)) return undefined;
    const [verb, resource] = action.split(' ');
    const message = `User "lab" cannot ${verb} resource "${resource}"`;
    throw new StatusError({ code: 403, reason: 'Forbidden', message });
  }

  #review(request: ApiRequest): Answer {
    const review: { spec?: { resourceAttributes?: Attributes } } = JSON.parse(
      request.body.toString(),
    );
    const attributes = review.spec?.resourceAttributes ?? {};
    const allowed = !this.#denied.has(actionOf(attributes));
    return jsonAnswer(Buffer.from(JSON.stringify({ ...review, status: { allowed } })), 201);
  }
}

const actionOf = ({ verb = '', resource = '', subresource }: Attributes): string =>
  `${verb} ${resource}${subresource === undefined ? '' : `/${subresource}`}`;

function actionOfRequest({ method, path, query }: ApiRequest): string | undefined {
  const route = parseRoute(path);
  if (route === undefined) return undefined;
  const { kind, subresource, name } = route;
  const watches = query.get('watch') === 'true' || query.get('watch') === '1';
  const reads = name === undefined ? (watches ? 'watch' : 'list') : 'get';
  const verb = VERBS[method] ?? reads;
  return actionOf({ verb, resource: kind.resource, ...(subresource && { subresource }) });
}
