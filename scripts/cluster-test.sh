#!/bin/sh
# The tests that need a real Kubernetes: its programs, built from Debian's source package at the
# first run (minutes, then cached outside the checkout), with a real etcd: most on the loopback, one
# with nodes, for which the image is built as well. Apart from `npm test` for the time that building
# takes. With arguments, runs only these test files. GOLDEN=write records the real server's answers.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
missing=
for need in etcd:etcd-server openssl:openssl curl:curl iptables:iptables; do
  command -v "${need%%:*}" >/dev/null 2>&1 || missing="$missing ${need#*:}"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" -eq 0 ] || { echo "cluster-test: these packages are missing:$missing" >&2; exit 2; }
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
# Nodes need root, a container runtime and the image; what asks an API server alone needs none.
case " $* " in
  '  ' | *nodes.test*)
    sh scripts/setup.sh test
    sh scripts/image.sh
    ;;
  *) sh scripts/setup.sh check ;;
esac
POPLIN_KUBERNETES=$(sh scripts/cluster-build.sh)
export POPLIN_KUBERNETES
[ $# -gt 0 ] || set -- 'test/cluster/**/*.test.ts'
exec sh scripts/node.sh --test --test-concurrency=1 --test-reporter=spec "$@"
