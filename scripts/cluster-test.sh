#!/bin/sh
# The tests that need a real Kubernetes control plane: kube-apiserver, kube-controller-manager and
# kubectl, built from Debian's source package at the first run (minutes, then cached outside the
# checkout), with a real etcd, all on the loopback. Apart from `npm test` for the time that building
# takes. With arguments, runs only these test files. GOLDEN=write records the real server's answers.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
cd "$root"
missing=
for need in etcd:etcd-server openssl:openssl; do
  command -v "${need%%:*}" >/dev/null 2>&1 || missing="$missing ${need#*:}"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" -eq 0 ] || { echo "cluster-test: these packages are missing:$missing" >&2; exit 2; }
  apt-get update -qq
  # shellcheck disable=SC2086 # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
sh scripts/setup.sh check
POPLIN_KUBERNETES=$(sh scripts/cluster-build.sh)
export POPLIN_KUBERNETES
[ $# -gt 0 ] || set -- 'test/cluster/**/*.test.ts'
exec sh scripts/node.sh --test --test-concurrency=1 --test-reporter=spec "$@"
