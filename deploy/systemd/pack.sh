#!/bin/sh
# Packs all that a machine without Kubernetes needs of Poplin into one archive: the programs of the
# image that scripts/image.sh has built, with their own Node.js, the units and settings beside this
# script, and install.sh. Prints where the archive is. Usage: sh deploy/systemd/pack.sh
# [amd64|arm64]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
architecture=${1:-$(dpkg --print-architecture)}
image=$root/.cache/image/rootfs/poplin-$architecture
archive=$root/.cache/image/poplin-systemd-$architecture.tar.gz
node=/usr/local/lib/poplin/bin/node
if [ ! -x "$image/poplin/bin/poplin" ]; then
  echo "pack.sh: $image is missing: sh scripts/image.sh $architecture" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packed=$work/poplin-systemd
mkdir -p "$packed/lib"
cp -R "$image/poplin/." "$packed/lib/"
cp "$image/usr/bin/node" "$packed/lib/bin/node"
# Not the machine's Node.js, which is older on most.
sed "1s|^#!/usr/bin/node |#!$node |" "$image/poplin/bin/poplin" >"$packed/lib/bin/poplin"
head -1 "$packed/lib/bin/poplin" | grep -q "^#!$node " || {
  echo 'pack.sh: the program does not begin as it is expected to' >&2
  exit 1
}
cp "$here/install.sh" "$here/agent.env" "$here"/*.service "$packed/"
tar -czf "$archive.part" --owner=0 --group=0 -C "$work" poplin-systemd
mv "$archive.part" "$archive"
echo "$archive"
