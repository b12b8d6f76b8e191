#!/bin/sh
# Builds dist/poplin.cjs: the whole program in one file (50 MB resident instead of 102 MB from the
# sources), and the files of its web page beside it. Two packages stay outside: koffi, since it
# loads a native library, and client-node, which only unusual kubeconfigs need and which would make
# every agent 22 MB larger by its mere text. Two builds at once do no harm: each writes its own file
# and renames it. With `if-needed`, only when a source is newer.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
bundle=dist/poplin.cjs
if [ "${1:-}" = if-needed ] && [ -e "$bundle" ] &&
  [ -z "$(find src package.json -newer "$bundle" -print -quit)" ]; then
  exit 0
fi
mkdir -p dist
temporary=dist/.poplin.$$.cjs
trap 'rm -f "$temporary"' EXIT
node_modules/.bin/esbuild src/main.ts --bundle --platform=node --target=node22 --format=cjs \
  --external:koffi --external:etcd3 --external:@kubernetes/client-node \
  --minify-syntax --minify-whitespace --log-level=warning \
  --outfile="$temporary"
mkdir -p dist/web
node_modules/.bin/esbuild src/web/page.ts --bundle --format=esm --target=es2022 --minify \
  --log-level=warning --outfile="dist/web/.page.$$.js"
mv "dist/web/.page.$$.js" dist/web/page.js
for file in index.html page.css icon.svg; do
  cp "src/web/$file" "dist/web/.$$.$file"
  mv "dist/web/.$$.$file" "dist/web/$file"
done
# Last: by its age is told whether anything has to be built.
mv "$temporary" "$bundle"
