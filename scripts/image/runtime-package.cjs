// The package.json of what runs in the image: the dependencies that the bundle leaves outside, and
// Node.js. Versions are those of the lock file. Usage: node runtime-package.cjs package.json

const { readFileSync } = require('node:fs');

const { name, version, dependencies, optionalDependencies } = JSON.parse(
  readFileSync(process.argv[2], 'utf8'),
);
const { koffi, etcd3 } = dependencies;
const runtime = { name, version, private: true, dependencies: { koffi, etcd3 } };
process.stdout.write(JSON.stringify({ ...runtime, optionalDependencies }));
