#!/bin/sh
# Benchmarks against the real thing, in network namespaces of their own. What it takes and prints:
# docs/benchmarks.md. Usage: npm run bench -- [--only SUITE] [--json FILE] [--write]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
sh "$root/scripts/setup.sh" bench
exec sh "$root/scripts/node.sh" "$root/test/bench/main.ts" "$@"
