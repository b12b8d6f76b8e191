#!/bin/sh
# Stands in for kind, docker and kubectl, by the name that it is called by, where none of them can
# be: takes what deploy/kind/up.sh, deploy/check.sh and docs/kind.md ask of them and refuses all
# else. It remembers below $STAND_IN which clusters and images there are, so that what comes in the
# wrong order fails as it would. Each call is a line of $STAND_IN/calls. One that begins with
# $STAND_IN_FAILS fails; the pod of node $STAND_IN_SILENT is reached by nobody.
set -eu
state=$STAND_IN
program=${0##*/}
printf '%s %s\n' "$program" "$*" >>"$state/calls"
refuse() { echo "stand-in for $program: $*" >&2; exit 1; }

mkdir -p "$state/clusters" "$state/images" "$state/loaded"
cluster=
namespace=
if [ "$program" = kubectl ]; then
  if [ "${1:-}" = --context ]; then
    cluster=${2#kind-}
    [ "$2" = "kind-$cluster" ] || refuse "no context $2"
    [ -e "$state/clusters/$cluster" ] || refuse "no cluster $cluster"
    shift 2
  fi
  [ "${1:-}" != -n ] || { namespace="-n $2 "; shift 2; }
fi
call="$program $namespace$*"
case $call in
  "${STAND_IN_FAILS:-never}"*) echo 'it does not work today' >&2; exit 7 ;;
esac

# All that a manifest runs is on the nodes already: no registry is asked.
images_are_there() {
  images=$(sed -n 's/^ *image: "\(.*\)"$/\1/p' "$@" | sort -u)
  [ -n "$images" ] || refuse "no image in $*"
  for image in $images; do
    [ -e "$state/loaded/$image" ] || refuse "ErrImagePull: $image"
  done
}
applied() { [ -e "$state/applied" ] || refuse 'not found: daemonset/poplin'; }

case $call in
  'docker build --target '*)
    [ $# -eq 6 ] && [ "$4" = --tag ] || refuse "what is $*"
    [ "$3" != poplin ] || [ "${BUILDX_NO_DEFAULT_ATTESTATIONS:-}" = 1 ] ||
      refuse 'kind load brings no attestations'
    grep -q "^FROM .* AS $3\$" "$6/Dockerfile" || refuse "no target $3 in $6/Dockerfile"
    : >"$state/images/$5"
    ;;
  'kind get clusters')
    [ -n "$(ls "$state/clusters")" ] || echo 'No kind clusters found.' >&2
    ls "$state/clusters"
    ;;
  'kind create cluster --name '*)
    [ $# -eq 6 ] && [ "$5" = --config ] || refuse "what is $*"
    [ ! -e "$state/clusters/$4" ] || refuse "node(s) already exist for a cluster with the name $4"
    cp "$6" "$state/clusters/$4"
    ;;
  'kind delete cluster --name '*)
    [ $# -eq 4 ] && rm "$state/clusters/$4"
    ;;
  'kind load docker-image '*' --name '*)
    [ $# -eq 5 ] && [ -e "$state/clusters/$5" ] || refuse "no nodes found for cluster $5"
    [ -e "$state/images/$3" ] || refuse "image: \"$3\" not present locally"
    : >"$state/loaded/$3"
    ;;
  'kind load image-archive '*' --name '*)
    [ $# -eq 5 ] && [ -e "$state/clusters/$5" ] || refuse "no nodes found for cluster $5"
    tag=$(tar -xOf "$3" manifest.json | sed 's/.*"RepoTags":\["\([^"]*\)".*/\1/')
    : >"$state/loaded/${tag##*/}"
    ;;
  'kubectl apply -f '*)
    [ $# -eq 3 ] || refuse "what is $*"
    case $3 in
      */net-conf.yaml) applied && grep -q '^kind: ConfigMap$' "$3" ;;
      */poplin.yaml) images_are_there "$3" && : >"$state/applied" ;;
      */poplin-check.yaml)
        [ ! -e "$state/going" ] || refuse 'forbidden: the namespace is being terminated'
        images_are_there "$3"
        ;;
      *) images_are_there "$3" ;;
    esac
    ;;
  'kubectl apply -k '*)
    [ $# -eq 3 ] && grep -q '^kind: Kustomization$' "$3/kustomization.yaml" || refuse "what is $*"
    images_are_there "$3/../../agent/poplin.yaml"
    : >"$state/applied"
    ;;
  'kubectl -n poplin rollout restart daemonset/poplin' | \
    'kubectl -n poplin rollout status daemonset/poplin'* | \
    'kubectl -n poplin get pods -o wide' | 'kubectl -n poplin logs daemonset/poplin -c agent'* | \
    'kubectl -n poplin exec daemonset/poplin -c agent -- poplin doctor')
    applied
    ;;
  'kubectl -n poplin exec daemonset/poplin -c agent -- poplin status' | \
    'kubectl -n poplin exec daemonset/poplin -c agent -- poplin status --all')
    applied
    echo 'all is well'
    ;;
  'kubectl wait --for=condition=Ready nodes --all --timeout='*) applied ;;
  'kubectl get nodes -o wide' | 'kubectl get nodes' | 'kubectl get pods -A') ;;
  'kubectl get nodes -o jsonpath={.items[*].spec.podCIDRs}')
    case $(cat "$state/clusters/$cluster") in
      *'ipFamily: dual'*) echo '["10.244.0.0/24","fd00:10:244::/64"] ["10.244.1.0/24"]' ;;
      *) echo '["10.244.0.0/24"] ["10.244.1.0/24"]' ;;
    esac
    ;;
  'kubectl -n kube-system get daemonset kindnet --ignore-not-found -o name')
    ! grep -q kindnet "$state/clusters/$cluster" || echo daemonset.apps/kindnet
    ;;
  'kubectl -n kube-system rollout status deployment/coredns --timeout='*) ;;
  'kubectl -n kube-system get service kube-dns --ignore-not-found -o name')
    [ -e "$state/no-dns" ] || echo service/kube-dns
    ;;
  'kubectl -n poplin-check rollout status daemonset/poplin-check --timeout='*) ;;
  'kubectl -n poplin-check get pods -o wide' | 'kubectl -n poplin-check get events') ;;
  'kubectl -n poplin-check get pods -o jsonpath={range .items[*]}'*'{end}') cat "$state/pods" ;;
  'kubectl -n poplin-check get service poplin-check -o jsonpath={.spec.clusterIPs[*]}')
    echo '10.96.0.7 fd00:10:96::7'
    ;;
  'kubectl -n poplin-check exec '*' -- /usr/bin/node /check/ask.mts '*)
    case " $* " in
      *" ${STAND_IN_SILENT:-nobody}="*)
        echo "$STAND_IN_SILENT (10.244.1.9): ETIMEDOUT"
        exit 1
        ;;
    esac
    ;;
  'kubectl get namespace poplin-check --ignore-not-found -o jsonpath={.status.phase}')
    [ ! -e "$state/going" ] || echo Terminating
    ;;
  'kubectl wait --for=delete namespace/poplin-check --timeout='*) rm "$state/going" ;;
  'kubectl delete namespace poplin-check --ignore-not-found --wait=false') : >"$state/going" ;;
  *) refuse "what is: $call" ;;
esac
