#!/bin/sh
# Installs what is missing for a purpose: `check` needs only the npm packages, `lab` also system
# packages and the CNI executable, `test` and `bench` further programs to compare with and what
# builds images, `long` also cross compilers and a browser, `image` what builds images alone. What
# is there already costs nothing.
# Usage: sh scripts/setup.sh check|lab|test|bench|long|image
set -eu
purpose=${1:?usage: setup.sh check|lab|test|bench|long|image}
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"

# command:package — a package is installed when its command, or a file, is not found.
lab_needs='ip:iproute2 nft:nftables gcc:gcc make:make musl-gcc:musl-tools ping:iputils-ping
  etcd:etcd-server'
test_needs='kubectl:kubernetes-client /usr/lib/cni/loopback:containernetworking-plugins
  tcpdump:tcpdump iperf3:iperf3 strace:strace faketime:faketime iptables:iptables
  clang:clang nsenter:util-linux systemd-analyze:systemd mmdebstrap:mmdebstrap
  /usr/share/containers/seccomp.json:buildah readelf:binutils curl:curl
  etcdctl:etcd-client'
long_needs='aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
  /usr/aarch64-linux-gnu/lib/crt1.o:libc6-dev-arm64-cross /usr/lib/go-1.19/bin/go:golang-1.19
  chromium-headless-shell:chromium-headless-shell'
image_needs='buildah:buildah mmdebstrap:mmdebstrap'
needs=
case $purpose in
  check) ;;
  lab) needs=$lab_needs ;;
  test | bench) needs="$lab_needs $test_needs" ;;
  long) needs="$lab_needs $test_needs $long_needs" ;;
  image) needs=$image_needs ;;
  *) echo "setup.sh: unknown purpose '$purpose'" >&2; exit 2 ;;
esac

PATH=$PATH:/usr/sbin:/sbin
missing=
for need in $needs; do
  command=${need%%:*}
  command -v "$command" >/dev/null 2>&1 || [ -e "$command" ] || missing="$missing ${need#*:}"
done
if [ -n "$needs" ] && [ "$(id -u)" -ne 0 ]; then
  echo "setup.sh: '$purpose' makes network namespaces and kernel devices: run it as root" >&2
  [ -z "$missing" ] || echo "setup.sh: these packages are missing as well:$missing" >&2
  exit 2
fi
if [ -n "$missing" ]; then
  command -v apt-get >/dev/null || {
    echo "setup.sh: please install these packages (apt-get was not found):$missing" >&2
    exit 2
  }
  echo "setup: installing$missing"
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! cmp -s package-lock.json node_modules/.package-lock.source; then
  echo 'setup: installing npm packages'
  # Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms.
  npm install --no-save --no-audit --no-fund --loglevel=error
  cp --remove-destination package-lock.json node_modules/.package-lock.source
fi
# `npx poplin` finds the checkout's own command here.
ln -sf ../../scripts/poplin node_modules/.bin/poplin

if [ "$purpose" != check ] && [ "$purpose" != image ]; then
  make -s -C cni
fi

# Unpacked, not installed: Debian's bird2 would start as a service. Its library comes with it.
if [ "$purpose" != check ]; then
  sh scripts/debian-packages.sh bookworm .cache/bird bird2 libssh-gcrypt-4
fi

# Unpacked, not installed: the machine may have container runtimes of its own. The older suite's
# runc runs on any Debian, so all use it; podman of later suites knows no CNI any more.
if [ "$purpose" = test ] || [ "$purpose" = long ]; then
  sh scripts/debian-packages.sh bookworm .cache/containerd-1.6 containerd runc
  sh scripts/debian-packages.sh bookworm .cache/prometheus prometheus
  sh scripts/debian-packages.sh sid .cache/containerd-2 containerd
  sh scripts/debian-packages.sh bookworm .cache/podman podman conmon \
    libgpgme11 libassuan0 libsubid4 libdevmapper1.02.1
fi
