#!/bin/sh
# Tests that take long or need what is fetched apart: not part of the suite. With arguments, runs
# only these test files.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
PATH=$PATH:/usr/sbin:/sbin
sh scripts/setup.sh long
sh scripts/build.sh if-needed
sh scripts/debian-packages.sh trixie .cache/etcd35 etcd-server ||
  echo 'test-long.sh: no newer etcd: its tests say so and fail' >&2
sh scripts/debian-packages.sh bookworm .cache/qemu qemu-user-static ||
  echo 'test-long.sh: no emulator: its tests say so and fail' >&2
golang=github-masterminds
sh scripts/debian-packages.sh bookworm .cache/sprig golang-$golang-sprig-dev \
  golang-$golang-goutils-dev golang-$golang-semver-dev golang-github-google-uuid-dev \
  golang-github-huandu-xstrings-dev golang-github-imdario-mergo-dev \
  golang-github-mitchellh-copystructure-dev golang-github-mitchellh-reflectwalk-dev \
  golang-github-shopspring-decimal-dev golang-github-spf13-cast-dev golang-golang-x-crypto-dev \
  golang-gopkg-yaml.v3-dev ||
  echo 'test-long.sh: no sprig: the chart is not rendered, and its tests fail' >&2
sh scripts/debian-packages.sh trixie .cache/go-1.24 golang-1.24-go golang-1.24-src &&
  sh scripts/debian-packages.sh sid .cache/libcni golang-github-appc-cni-dev ||
  echo 'test-long.sh: no CNI library: its tests say so and fail' >&2
[ $# -gt 0 ] || set -- 'test/long/**/*.test.ts'
exec sh scripts/node.sh --test --test-concurrency=1 --test-reporter=spec "$@"
