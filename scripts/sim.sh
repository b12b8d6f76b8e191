#!/bin/sh
# The seeded simulation (docs/simulation.md): many agents over a fake API and fake kernels. Needs no
# root. Usage: npm run sim -- [--seed N] [--seeds COUNT] [--nodes N] [--threads N]
# [--verbose]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
sh "$root/scripts/setup.sh" check
exec sh "$root/scripts/node.sh" "$root/test/sim/main.ts" "$@"
