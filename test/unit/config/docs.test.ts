// docs/configuration.md against the schema: each key has exactly one row, and the row's type, range
// and default are the schema's. Also every example in the table must be accepted for its key.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as z from 'zod';
import { configSchema } from '../../../src/config/schema.ts';

/** The members of JSON Schema that our schema makes use of. */
const nodeSchema = z.object({
  type: z.string().optional(),
  format: z.string().optional(),
  const: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  maxItems: z.number().optional(),
  default: z.unknown().optional(),
  get properties() {
    return z.record(z.string(), nodeSchema).optional();
  },
  get items() {
    return nodeSchema.optional();
  },
  get anyOf() {
    return z.array(nodeSchema).optional();
  },
  get oneOf() {
    return z.array(nodeSchema).optional();
  },
});
type Node = z.infer<typeof nodeSchema>;

type Row = { readonly type: string; readonly defaultText: string };

function typeText(node: Node): string {
  if (node.anyOf !== undefined) return node.anyOf.map(typeText).join(', or ');
  if (node.const !== undefined) {
    return typeof node.const === 'string' ? `\`"${node.const}"\`` : `${node.const}`;
  }
  if (node.enum !== undefined) return node.enum.map((value) => `\`"${value}"\``).join(' or ');
  if (node.type === 'boolean') return 'true or false';
  if (node.type === 'integer') return `whole number, ${node.minimum} to ${node.maximum}`;
  if (node.type === 'object') return 'an object';
  if (node.type === 'array') {
    return `list of ${typeText(node.items ?? {})}, at most ${node.maxItems}`;
  }
  return node.format ?? assert.fail(`no format: ${JSON.stringify(node)}`);
}

const rowOf = (node: Node): Row => ({
  type: typeText(node),
  defaultText: node.default === undefined ? '–' : `\`${JSON.stringify(node.default)}\``,
});

/** Objects and lists of objects, each followed by its keys: `BGP.Peers`, `BGP.Peers[].AS`. */
function addRows(rows: Map<string, Row>, path: string, node: Node): void {
  rows.set(path, rowOf(node));
  const [object, mark] = node.type === 'array' ? [node.items, '[]'] : [node, ''];
  for (const [key, member] of Object.entries(object?.properties ?? {})) {
    addRows(rows, `${path}${mark}.${key}`, member);
  }
}

function schemaRows(): Map<string, Row> {
  const rows = new Map<string, Row>();
  const root = nodeSchema.parse(z.toJSONSchema(configSchema, { io: 'input' }));
  for (const [key, node] of Object.entries(root.properties ?? {})) {
    if (node.oneOf === undefined) addRows(rows, key, node);
    for (const variant of node.oneOf ?? []) {
      for (const [inner, member] of Object.entries(variant.properties ?? {})) {
        const path = `${key}.${inner}`;
        const before = rows.get(path);
        const row = rowOf(member);
        const isSame = before === undefined || before.type === row.type;
        rows.set(path, isSame ? row : { ...before, type: `${before.type} or ${row.type}` });
      }
    }
  }
  return rows;
}

type DocumentedRow = Row & { readonly key: string; readonly meaning: string };

function documentedRows(): readonly DocumentedRow[] {
  const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  return [...text.matchAll(/^\| `([^`]+)` \| (.+?) \| (.+?) \| (.+) \|$/gm)].map(
    ([, key = '', type = '', defaultText = '', meaning = '']) => ({
      key,
      type,
      defaultText,
      meaning,
    }),
  );
}

describe('docs/configuration.md', () => {
  const documented = documentedRows();

  test('has one row for each key of the schema, in the schema’s order', () => {
    assert.deepEqual(
      documented.map(({ key }) => key),
      [...schemaRows().keys()],
    );
  });

  for (const [key, row] of schemaRows()) {
    test(`says the type, range and default of ${key}`, () => {
      const found = documented.find((candidate) => candidate.key === key);
      assert.deepEqual({ type: found?.type, defaultText: found?.defaultText }, row);
    });
  }

  /** What else an object needs in which an example stands. */
  const AROUND: Readonly<Record<string, object>> = {
    'BGP.NodeAS[]': { AS: 64601 },
    'BGP.Peers[]': { Address: '192.168.1.1', AS: 64512 },
    'BGP.Peers[].ImportFilter[]': { Action: 'accept' },
    'BGP.Peers[].ExportFilter[]': { Action: 'accept' },
    'BGP.NodePasswordSecret': { Name: 'bgp-passwords', Key: 'nodes' },
    'BGP.Peers[].PasswordSecret': { Name: 'bgp-passwords', Key: 'tor-a' },
  };

  /** The whole document with one value in it. */
  function documentWith(key: string, value: unknown): unknown {
    const dot = key.lastIndexOf('.');
    if (dot < 0) return { [key]: value };
    const parent = key.slice(0, dot);
    const object = { ...AROUND[parent], [key.slice(dot + 1)]: value };
    return parent.endsWith('[]')
      ? documentWith(parent.slice(0, -2), [object])
      : documentWith(parent, object);
  }

  for (const { key, meaning, type } of documented) {
    const example = /Example: `(.+?)`/.exec(meaning)?.[1];
    test(`has an example for ${key} that is right, or needs none`, () => {
      if (example === undefined) {
        assert.match(type, /^true or false$|^`"own"`|^an object$/);
        return;
      }
      const document = documentWith(key, JSON.parse(example));
      assert.equal(configSchema.safeParse(document).error, undefined);
    });
  }
});
