#!/bin/sh
# Unpacks Debian packages of a suite into a directory beside the project's own files, without
# installing them: for tests against versions that the machine does not have, and for programs that
# would start a service of theirs. A private apt configuration names the mirror that the machine
# uses anyway; nothing of the machine's own apt is changed. What is there already costs nothing.
# Usage: sh scripts/debian-packages.sh SUITE DIRECTORY PACKAGE…
set -eu
suite=${1:?usage: debian-packages.sh SUITE DIRECTORY PACKAGE…}
target=${2:?usage: debian-packages.sh SUITE DIRECTORY PACKAGE…}
shift 2
# Written last, so that what was broken off is done again.
if [ "$(cat "$target/.complete" 2>/dev/null)" = "$suite $*" ]; then
  exit 0
fi
# shellcheck disable=SC2016 # the dollar sign is apt's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
  grep -v security | head -n 1)
if [ -z "$mirror" ]; then
  echo 'debian-packages.sh: this machine has no Debian mirror' >&2
  exit 1
fi
work=$(mktemp -d /tmp/poplin-apt.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/etc/preferences.d"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/etc/sources.list"
: >"$work/status"
private() {
  apt-get -o Dir::Etc::sourcelist="$work/etc/sources.list" -o Dir::Etc::sourceparts=- \
    -o Dir::Etc::preferencesparts="$work/etc/preferences.d" -o Dir::State="$work" \
    -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
echo "debian-packages.sh: $* of $suite"
private update -qq
(cd "$work" && private download -qq "$@")
rm -rf "$target"
mkdir -p "$target"
for package in "$work"/*.deb; do
  dpkg -x "$package" "$target"
done
echo "$suite $*" >"$target/.complete"
