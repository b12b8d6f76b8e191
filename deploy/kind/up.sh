#!/bin/sh
# A cluster of kind whose network is Poplin, from nothing: builds the image, makes the cluster,
# brings the image to its nodes, applies the manifest, waits until all is ready, and tries every
# pod to every other. Says what it does and stops at the first step that fails. Run again on the
# same cluster it brings the image as it is now. Needs kind, kubectl, docker: docs/kind.md.
# Usage: sh deploy/kind/up.sh [--dual-stack] [--name NAME] [--archive FILE]
#   --name     of the cluster: poplin
#   --archive  an image that is built already, by scripts/image.sh or `docker save`
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
timeout=300s
name=poplin
family=single
archive=

usage() {
  echo 'usage: up.sh [--dual-stack] [--name NAME] [--archive FILE]' >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --dual-stack) family=dual ;;
    --name) [ $# -gt 1 ] || usage; name=$2; shift ;;
    --archive) [ $# -gt 1 ] || usage; archive=$2; shift ;;
    *) usage ;;
  esac
  shift
done

fail() { echo "up.sh: FAILED: $*" >&2; exit 1; }

# step WHAT COMMAND…: a command that fails has said why.
step() {
  what=$1
  shift
  echo "== $what"
  "$@" || fail "$what (exit code $?)"
}

kube() { kubectl --context "kind-$name" "$@"; }

# What helps to see why it is not ready.
show() {
  {
    kube get nodes -o wide
    kube -n poplin get pods -o wide
    kube -n poplin logs daemonset/poplin -c agent --tail=20
    kube -n poplin exec daemonset/poplin -c agent -- poplin doctor
  } >&2 || true
}

waiting() {
  what=$1
  shift
  echo "== $what"
  "$@" || { show; fail "$what"; }
}

programs='kind kubectl'
[ -n "$archive" ] || programs="$programs docker"
for program in $programs; do
  command -v "$program" >/dev/null || fail "$program was not found: see docs/kind.md"
done
image=$(sed -n 's/^ *image: "\(.*\)"$/\1/p' "$root/deploy/poplin.yaml" | sort -u)
# A name without a registry is one of docker.io/library to containerd.
[ -z "$archive" ] || tar -xOf "$archive" manifest.json 2>/dev/null |
  grep -qE "\"(docker\.io/library/)?$image\"" ||
  fail "$archive is no archive that holds $image, which deploy/poplin.yaml asks for"

clusters=$(kind get clusters) || fail "'kind get clusters' fails: does docker run?"
is_new=yes
if echo "$clusters" | grep -qx -- "$name"; then
  is_new=
  subnets=$(kube get nodes -o 'jsonpath={.items[*].spec.podCIDRs}') ||
    fail "cluster $name is there, but does not answer: kind delete cluster --name $name"
  case $subnets in
    *:*) found=dual ;;
    *) found=single ;;
  esac
  [ "$found" = "$family" ] ||
    fail "cluster $name is there, and is $found-stack: give another --name, or delete it"
  other=$(kube -n kube-system get daemonset kindnet --ignore-not-found -o name) ||
    fail "cluster $name does not answer"
  [ -z "$other" ] || fail "cluster $name has kind's own network: give another --name"
fi

# Without what describes the build, which `kind load` cannot bring along.
[ -n "$archive" ] || step "building $image" env BUILDX_NO_DEFAULT_ATTESTATIONS=1 \
  docker build --target poplin --tag "$image" "$root"
[ -z "$is_new" ] || step "making cluster $name" \
  kind create cluster --name "$name" --config "$here/$family-stack.yaml"
if [ -n "$archive" ]; then
  step "bringing $image to the nodes" kind load image-archive "$archive" --name "$name"
else
  step "bringing $image to the nodes" kind load docker-image "$image" --name "$name"
fi
if [ "$family" = dual ]; then
  step 'applying Poplin' kube apply -k "$root/deploy/kustomize/overlays/dual-stack"
else
  step 'applying Poplin' kube apply -f "$root/deploy/poplin.yaml"
fi
# The manifest is the same, the image is not.
[ -n "$is_new" ] || step 'starting the agents anew' \
  kube -n poplin rollout restart daemonset/poplin
waiting 'waiting for the agents' \
  kube -n poplin rollout status daemonset/poplin --timeout="$timeout"
waiting 'waiting for the nodes' kube wait --for=condition=Ready nodes --all --timeout="$timeout"
waiting "waiting for the cluster's DNS" \
  kube -n kube-system rollout status deployment/coredns --timeout="$timeout"
waiting 'trying every pod to every other' sh "$root/deploy/check.sh" --context "kind-$name"
# For people; what agents publish of themselves is some seconds old.
kube -n poplin exec daemonset/poplin -c agent -- poplin status --all || true
echo "up.sh: cluster $name works: kubectl --context kind-$name get pods -A"
