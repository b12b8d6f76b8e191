#!/bin/sh
# The fast part, without root: types, lint, unused code, unit and golden tests.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
sh scripts/setup.sh check
if [ "${1:-}" != unit ]; then
  node_modules/.bin/tsc --noEmit
  node_modules/.bin/biome check --error-on-warnings .
  sh scripts/node.sh node_modules/knip/bin/knip.js
fi
sh scripts/node.sh --test --test-isolation=none --test-reporter=dot \
  'test/unit/**/*.test.ts' 'test/golden/**/*.test.ts' test/tidy.test.ts
