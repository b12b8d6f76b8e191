#!/bin/sh
# Builds the programs of a real Kubernetes, of control plane and nodes, from Debian's source package
# and prints the directory that holds them. The result stays outside the checkout, keyed by version:
# ${XDG_CACHE_HOME:-~/.cache}/poplin/kubernetes-VERSION. The first time costs minutes and 3 GB of
# disk, later ones nothing; delete that directory to build again. Usage: sh scripts/cluster-build.sh
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/poplin
programs='kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl'

say() { echo "cluster-build: $*" >&2; }

# whole DIRECTORY: all programs are there, also those that an older checkout did not ask for.
whole() {
  [ -f "$1/complete" ] || return 1
  for program in $programs; do [ -x "$1/$program" ] || return 1; done
}

# The newest that is whole.
for found in $(ls -dt "$cache"/kubernetes-*/ 2>/dev/null); do
  if whole "$found"; then
    echo "${found%/}"
    exit 0
  fi
done
[ "$(id -u)" -eq 0 ] || {
  say 'the first build installs packages: run it as root'
  exit 2
}

# The machine's own mirrors, with the source packages that they hold beside the binary ones, in a
# configuration of our own: the machine's stays as it is.
apt=$cache/apt
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
signed=
[ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 'Identifier: Packages' |
  sort -u | sed "s|^|deb-src $signed|" >"$apt/sources.list"
own_apt() {
  command=$1
  shift
  "$command" -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$apt/lists" -o Dir::Cache::Archives="$apt/archives" \
    -o APT::Sandbox::User=root "$@"
}
say 'reading the list of source packages'
own_apt apt-get update -qq >&2
version=$(own_apt apt-cache showsrc kubernetes | sed -n 's/^Version: //p' | sort -V | tail -n 1)
[ -n "$version" ] || {
  say 'no source package kubernetes at the mirrors of this machine'
  exit 1
}

golang=golang-1.19
apt-cache show "$golang" >/dev/null 2>&1 || golang=golang
say "installing $golang and tools"
apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  "$golang" dpkg-dev patch xz-utils make rsync jq >/dev/null
PATH=/usr/lib/go-${golang#golang-}/bin:$PATH

target=$cache/kubernetes-$version
# Not in the target: tests may be using the programs that are there already.
work=$cache/build-$version
rm -rf "$work"
mkdir -p "$work/go/src/k8s.io" "$target"
cd "$work"
say "fetching kubernetes $version"
own_apt apt-get source -qq --download-only "kubernetes=$version" >&2
dpkg-source --no-check -x ./*.dsc tree >/dev/null
ln -s "$work/tree" go/src/k8s.io/kubernetes

# Without git, the version that the programs name has to be told.
release=v$(echo "$version" | sed 's/.*really//; s/[-+~].*//')
minor=${release#v*.}
cat >"$work/version" <<END
KUBE_GIT_COMMIT=$version
KUBE_GIT_TREE_STATE=archive
KUBE_GIT_VERSION=$release
KUBE_GIT_MAJOR=1
KUBE_GIT_MINOR=${minor%%.*}
END
what=
for program in $programs; do what="$what cmd/$program"; done
say "building $release: minutes (the log is $target/log)"
cd go/src/k8s.io/kubernetes
if ! nice -n 19 env GOPATH="$work/go" GOCACHE="$work/cache" GOPROXY=off GO111MODULE=off \
  CGO_ENABLED=0 GOFLAGS="${GOFLAGS:--p=2}" KUBE_GIT_VERSION_FILE="$work/version" \
  make WHAT="$what" GOLDFLAGS='-s -w' >"$target/log" 2>&1 </dev/null; then
  tail -n 20 "$target/log" >&2
  exit 1
fi
for program in $programs; do
  install "_output/bin/$program" "$target/.$program"
  mv "$target/.$program" "$target/$program"
done
cd "$target"
rm -rf "$work"
: >complete
echo "$target"
