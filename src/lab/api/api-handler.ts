// One request, one answer: finds what the path names and does there what the method says. It must
// not know sockets; waiting, watching and faults are http.ts's business.

import type { Answer, ApiRequest } from './answer.ts';
import { jsonAnswer, statusAnswer } from './answer.ts';
import { mediaType, parseBody, parseOptions } from './body.ts';
import { deletionStatus } from './deletion.ts';
import { answerDiscovery } from './discovery.ts';
import { listPage } from './list.ts';
import type { KubeObject } from './object.ts';
import { createObject, deleteObject, patchObject, updateObject } from './operations.ts';
import type { Target } from './ownership.ts';
import { patchFunction } from './patch-request.ts';
import type { Representation } from './representation.ts';
import { negotiate, renderEntry, renderList } from './representation.ts';
import {
  deleteOptions,
  integer,
  isTrue,
  revisionMatchOf,
  revisionOf,
  writeOptions,
} from './request-options.ts';
import type { Route } from './route.ts';
import { parseRoute } from './route.ts';
import { parseSelectors } from './selectors.ts';
import { methodNotAllowed, notFound, tooLargeRevision } from './status.ts';
import type { Entry, ObjectStore, Store } from './store.ts';
import { dryRunOf, keyOf } from './store.ts';

export function handle(store: Store, request: ApiRequest): Answer {
  const route = parseRoute(request.path);
  if (route === undefined) return answerDiscovery(request);
  const form = negotiate(request.accept, request.query, () => store.clock.now());
  const context: Context = { store, request, route, form };
  return route.name === undefined
    ? handleCollection(context)
    : handleItem(context, { ...route, name: route.name });
}

type Context = {
  readonly store: Store;
  readonly request: ApiRequest;
  readonly route: Route;
  readonly form: Representation;
};

function handleCollection(context: Context): Answer {
  const { request, route } = context;
  switch (request.method) {
    case 'GET':
      return isTrue(request.query, 'watch') ? watch(context) : list(context);
    case 'POST': {
      const body = parseBody(request);
      return render(createObject(writable(context, 'CreateOptions'), route, body), context, 201);
    }
    case 'DELETE':
      return deleteCollection(context);
    default:
      throw methodNotAllowed();
  }
}

function handleItem(context: Context, target: Target): Answer {
  const { request } = context;
  switch (request.method) {
    case 'GET':
      return get(context, target);
    case 'PUT': {
      const body = parseBody(request);
      const { kind, entry } = updateObject(writable(context, 'UpdateOptions'), target, body);
      return render(entry, context, kind === 'created' ? 201 : 200);
    }
    case 'PATCH': {
      const change = patchFunction(target.kind, request, mediaType(request.contentType));
      return render(patchObject(writable(context, 'PatchOptions'), target, change).entry, context);
    }
    case 'DELETE':
      return remove(context, target);
    default:
      throw methodNotAllowed();
  }
}

/** What a write goes to: the store, or, in a dry run, nothing. */
const writable = ({ store, request }: Context, options: string): ObjectStore =>
  writeOptions(request.query, options).isDryRun ? dryRunOf(store) : store;

const render = (entry: Entry, { form }: Context, code = 200): Answer =>
  jsonAnswer(renderEntry(entry, form), code);

function get(context: Context, target: Target): Answer {
  const { store, request } = context;
  const revision = revisionOf(request.query) ?? 0;
  if (revision > store.revision) throw tooLargeRevision(revision, store.revision);
  const entry = store.get(target.kind, keyOf(target.namespace, target.name));
  if (entry === undefined) throw notFound(target.kind, target.name);
  return render(entry, context);
}

function remove(context: Context, target: Target): Answer {
  const { store, request } = context;
  const options = deleteOptions(request.query, parseOptions(request));
  const { kind, entry } = deleteObject(options.isDryRun ? dryRunOf(store) : store, target, options);
  return kind === 'removed' ? statusAnswer(deletionStatus(entry)) : render(entry, context);
}

/** `undefined` when everything matches. */
function selectorOf({ request, route }: Context): ((object: KubeObject) => boolean) | undefined {
  return parseSelectors(route.kind, {
    labelSelector: request.query.get('labelSelector') ?? '',
    fieldSelector: request.query.get('fieldSelector') ?? '',
  });
}

function list(context: Context): Answer {
  const { store, request, route, form } = context;
  const { query } = request;
  const page = listPage(store, {
    kind: route.kind,
    namespace: route.namespace,
    selector: selectorOf(context),
    limit: integer(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? undefined,
    revision: revisionOf(query),
    revisionMatch: revisionMatchOf(query),
  });
  return jsonAnswer(renderList(route.kind, page.entries, { meta: page.meta, form }));
}

/** Without timeoutSeconds a watch ends after half an hour to an hour, as with the real server. */
const DEFAULT_WATCH_MS = 45 * 60_000;

function watch(context: Context): Answer {
  const { request, route, form } = context;
  const { query } = request;
  const timeoutSeconds = integer(query, 'timeoutSeconds') ?? 0;
  return {
    kind: 'watch',
    request: {
      kind: route.kind,
      namespace: route.namespace,
      selector: selectorOf(context),
      revision: revisionOf(query),
      sendInitialEvents: isTrue(query, 'sendInitialEvents'),
      allowBookmarks: isTrue(query, 'allowWatchBookmarks'),
      timeoutMs: timeoutSeconds > 0 ? timeoutSeconds * 1000 : DEFAULT_WATCH_MS,
      representation: form,
    },
  };
}

function deleteCollection(context: Context): Answer {
  const { store, request, route, form } = context;
  const options = deleteOptions(request.query, parseOptions(request));
  const page = listPage(store, {
    kind: route.kind,
    namespace: route.namespace,
    selector: selectorOf(context),
    limit: 0,
    continueToken: undefined,
    revision: undefined,
    revisionMatch: undefined,
  });
  const target = options.isDryRun ? dryRunOf(store) : store;
  const entries = page.entries.map(({ object: { metadata } }) => {
    const { name = '', namespace } = metadata;
    return deleteObject(target, { kind: route.kind, namespace, name }, options).entry;
  });
  return jsonAnswer(renderList(route.kind, entries, { meta: page.meta, form }));
}
