// Runs in a pod of deploy/poplin-check.yaml on each node: says to everybody which node it is on,
// and from which address it was asked. Written into a ConfigMap, so that Poplin's own image, in
// which Node.js is, serves for it; it must import nothing else. Usage: node answer.mts [PORT]

import { createServer } from 'node:http';

const DEFAULT_PORT = 8080;

const server = createServer(({ socket }, response) => {
  const from = socket.remoteAddress?.replace(/^::ffff:/, '');
  response.end(JSON.stringify({ node: process.env.NODE_NAME, from }));
});
server.listen(Number(process.argv[2] ?? DEFAULT_PORT));
// The first process of a container is not ended by a signal that it does not take.
process.once('SIGTERM', () => process.exit());
