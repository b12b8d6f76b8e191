#!/bin/sh
# Tries whether the pods of a cluster reach each other: a pod on each node asks each of the others,
# at each of its addresses, then a Service of them and its name. The right node must answer, and it
# must have been asked by the sender's own address. The pods are of Poplin's image, which is on the
# nodes already, and are taken away in the end. Needs kubectl alone.
# Usage: sh deploy/check.sh [--context NAME] [--kubeconfig FILE]
# Exit code 1: somebody did not answer, and it is said who; 2: it could not be tried.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
namespace=poplin-check
port=8080
# How long an answer may take to come for the first time, and pods to start or to go.
answer_seconds=30
pods_timeout=180s
context=
while [ $# -gt 0 ]; do
  case "$1:${2:-}" in
    --context:?*) context=$2 ;;
    --kubeconfig:?*) export KUBECONFIG="$2" ;;
    *) echo 'usage: check.sh [--context NAME] [--kubeconfig FILE]' >&2; exit 2 ;;
  esac
  shift 2
done

kube() { kubectl ${context:+--context "$context"} "$@"; }

fail() { echo "check.sh: $*" >&2; exit 2; }

command -v kubectl >/dev/null || fail 'kubectl was not found'

take_away() {
  code=$?
  trap - EXIT
  kube delete namespace "$namespace" --ignore-not-found --wait=false >/dev/null ||
    echo "check.sh: left: namespace $namespace" >&2
  exit "$code"
}
trap 'exit 2' INT TERM

# What an earlier run has left goes while nobody waits for it, which takes up to a minute.
phase=$(kube get namespace "$namespace" --ignore-not-found -o 'jsonpath={.status.phase}') ||
  fail 'the API does not answer'
[ "$phase" != Terminating ] ||
  kube wait --for=delete "namespace/$namespace" --timeout="$pods_timeout" >/dev/null ||
  fail "namespace $namespace of an earlier run does not go"
kube apply -f "$here/poplin-check.yaml" >/dev/null || fail 'the pods were not taken by the API'
trap take_away EXIT
kube -n "$namespace" rollout status daemonset/poplin-check --timeout="$pods_timeout" >/dev/null || {
  kube -n "$namespace" get pods -o wide >&2 || true
  kube -n "$namespace" get events >&2 || true
  fail 'not every node has started its pod'
}

# A line for each: name, node, addresses.
each='{.metadata.name} {.spec.nodeName} {.status.podIPs[*].ip}{"\n"}'
pods=$(kube -n "$namespace" get pods -o "jsonpath={range .items[*]}$each{end}") ||
  fail 'the pods cannot be listed'
[ -n "$pods" ] || fail 'there is no node to try'

targets=
nodes=0
while read -r _ node addresses; do
  nodes=$((nodes + 1))
  for address in $addresses; do
    targets="$targets $node=$address"
  done
done <<END
$pods
END
services=$(kube -n "$namespace" get service poplin-check -o 'jsonpath={.spec.clusterIPs[*]}') ||
  fail 'the Service cannot be read'
dns=$(kube -n kube-system get service kube-dns --ignore-not-found -o name) ||
  fail 'it cannot be seen whether there is a DNS'
[ -z "$dns" ] || services="$services poplin-check.$namespace.svc"
for service in $services; do
  targets="$targets @$service"
done

code=0
while read -r pod node addresses; do
  own=$(echo "$addresses" | tr ' ' ',')
  # Standard input is the list of pods. The targets are words.
  # shellcheck disable=SC2086
  if said=$(kube -n "$namespace" exec "$pod" -- /usr/bin/node /check/ask.mts \
    "$answer_seconds" "$port" "$own" $targets </dev/null 2>&1); then
    echo "$node: reaches $nodes nodes, and Services ($services)"
  else
    code=1
    printf '%s\n' "$said" | sed "s|^|$node -> |" >&2
  fi
done <<END
$pods
END
[ -n "$dns" ] || echo 'no DNS is in this cluster: names were not tried'
[ "$code" -eq 0 ] || echo 'check.sh: FAILED' >&2
exit "$code"
