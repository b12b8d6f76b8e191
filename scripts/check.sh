#!/bin/sh
# The fast part, without root: types, lint, unused code and tidiness in one lane, unit and golden
# tests in two others, since many of them wait. `check.sh unit` runs the tests alone.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
sh scripts/setup.sh check

NODE_COMPILE_CACHE=$root/.cache/compile
export NODE_COMPILE_CACHE

tests() {
  sh scripts/node.sh --test --test-isolation=none --test-reporter=dot "$@"
}

code() {
  node_modules/.bin/tsc --noEmit --incremental --tsBuildInfoFile .cache/types.tsbuildinfo &&
    node_modules/.bin/tsc --noEmit -p src/web &&
    node_modules/.bin/biome check --error-on-warnings . &&
    sh scripts/node.sh node_modules/knip/bin/knip.js &&
    tests test/tidy.test.ts
}

if [ "${1:-}" = unit ]; then
  tests 'test/unit/**/*.test.ts' 'test/golden/**/*.test.ts' test/tidy.test.ts
  exit
fi
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
code >"$said/code" 2>&1 &
code_lane=$!
half() {
  tests "--test-shard=$1/2" 'test/unit/**/*.test.ts' 'test/golden/**/*.test.ts'
}
half 1 >"$said/half" 2>&1 &
half_lane=$!
failed=0
half 2 || failed=1
wait "$half_lane" || failed=1
wait "$code_lane" || failed=1
cat "$said/half" "$said/code"
exit $failed
