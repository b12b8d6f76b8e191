// A bare HTTP watch on Nodes as a process of its own, inside the namespace of the API: tells its
// parent when each event came. Nothing that follows Nodes can be faster.

import { get } from 'node:http';
import { createInterface } from 'node:readline';

export type Seen = { readonly atNs: string; readonly type: string; readonly name: string };

const [server = ''] = process.argv.slice(2);
get(`${server}/api/v1/nodes?watch=true`, (response) => {
  createInterface({ input: response }).on('line', (line) => {
    const atNs = String(process.hrtime.bigint());
    const { type, object } = JSON.parse(line);
    process.send?.({ atNs, type, name: object.metadata.name } satisfies Seen);
  });
});
process.on('disconnect', () => process.exit(0));
