// A bare HTTP watch on Nodes as a process of its own, inside the namespace of the API: tells its
// parent when each event came. Nothing that follows Nodes can be faster. With a second argument it
// begins with what comes next instead of with all Nodes that there are.

import { get } from 'node:http';
import { createInterface } from 'node:readline';

export type Seen = { readonly atNs: string; readonly type: string; readonly name: string };

const [server = '', fromNow] = process.argv.slice(2);
const nodes = `${server}/api/v1/nodes`;

async function versionNow(): Promise<string> {
  const list = await (await fetch(`${nodes}?limit=1`)).json();
  return (list as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

const since = fromNow === undefined ? '' : `&resourceVersion=${await versionNow()}`;
get(`${nodes}?watch=true${since}`, (response) => {
  createInterface({ input: response }).on('line', (line) => {
    const atNs = String(process.hrtime.bigint());
    const { type, object } = JSON.parse(line);
    process.send?.({ atNs, type, name: object.metadata.name } satisfies Seen);
  });
});
process.on('disconnect', () => process.exit(0));
