// The package.json of what makes the bundle: all that the sources import, and esbuild; neither the
// tools for tests nor another Node.js. Usage: node build-package.cjs package.json

const { readFileSync } = require('node:fs');

const { name, version, type, dependencies, devDependencies } = JSON.parse(
  readFileSync(process.argv[2], 'utf8'),
);
const { esbuild } = devDependencies;
const packages = { ...dependencies, esbuild };
process.stdout.write(
  JSON.stringify({ name, version, type, private: true, dependencies: packages }),
);
