#!/bin/sh
# Fetches etcd 3.5, as Debian's trixie has it, into .cache/etcd35 without installing it: for tests
# against a newer server than the machine's own. A private apt configuration names the mirror that
# the machine uses anyway; nothing of the machine's own apt is changed.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
target=$root/.cache/etcd35
if [ -x "$target/usr/bin/etcd" ]; then
  exit 0
fi
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
  grep -v security | head -n 1)
[ -n "$mirror" ] || { echo 'etcd35.sh: this machine has no Debian mirror' >&2; exit 1; }
work=$(mktemp -d /tmp/poplin-apt.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/etc/preferences.d" "$target"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror trixie main" >"$work/etc/sources.list"
: >"$work/status"
private() {
  apt-get -o Dir::Etc::sourcelist="$work/etc/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::preferencesparts="$work/etc/preferences.d" -o Dir::State="$work" \
    -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@"
}
private update -qq
cd "$work"
private download -qq etcd-server
dpkg -x etcd-server_*.deb "$target"
echo "etcd35.sh: $("$target/usr/bin/etcd" --version | head -n 1)"
