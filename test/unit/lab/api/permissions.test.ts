// What a test takes away from the users of the embedded API: refused with 403 as by RBAC, said by a
// SelfSubjectAccessReview beforehand, and allowed again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ApiRequest } from '../../../../src/lab/api/answer.ts';
import { Permissions } from '../../../../src/lab/api/permissions.ts';
import { StatusError } from '../../../../src/lab/api/status.ts';

const request = (method: string, path: string, body: unknown = {}): ApiRequest => {
  const [pathname = '', query = ''] = path.split('?');
  const rest = { accept: undefined, contentType: undefined };
  const bytes = Buffer.from(JSON.stringify(body));
  return { method, path: pathname, query: new URLSearchParams(query), body: bytes, ...rest };
};

const isAllowed = (permissions: Permissions, resourceAttributes: object): unknown => {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = permissions.check(request('POST', path, { spec: { resourceAttributes } }));
  assert.ok(answer?.kind === 'body' && answer.code === 201);
  return JSON.parse(answer.bytes.toString()).status.allowed;
};

const CALLS: readonly (readonly [string, string, string])[] = [
  ['patch nodes/status', 'PATCH', '/api/v1/nodes/a/status'],
  ['list nodes', 'GET', '/api/v1/nodes'],
  ['watch nodes', 'GET', '/api/v1/nodes?watch=1'],
  ['get nodes', 'GET', '/api/v1/nodes/a'],
  ['create leases', 'POST', '/apis/coordination.k8s.io/v1/namespaces/poplin/leases'],
];

for (const [action, method, path] of CALLS) {
  test(`${action} is refused while it is denied, and nothing else`, () => {
    const permissions = new Permissions();
    const allow = permissions.deny(action);
    for (const [other, otherMethod, otherPath] of CALLS) {
      const ask = () => permissions.check(request(otherMethod, otherPath));
      if (other !== action) assert.equal(ask(), undefined);
    }
    const isForbidden = (error: unknown): boolean =>
      error instanceof StatusError && error.body.code === 403;
    assert.throws(() => permissions.check(request(method, path)), isForbidden);
    allow();
    assert.equal(permissions.check(request(method, path)), undefined);
  });
}

test('a review says what is denied', () => {
  const permissions = new Permissions();
  const status = { verb: 'patch', resource: 'nodes', subresource: 'status' };
  assert.equal(isAllowed(permissions, status), true);
  permissions.deny('patch nodes/status');
  assert.equal(isAllowed(permissions, status), false);
  assert.equal(isAllowed(permissions, { verb: 'patch', resource: 'nodes' }), true);
});
