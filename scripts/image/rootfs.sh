#!/bin/sh
# Fills a directory with some programs of Debian packages and all libraries that they need, and
# nothing else: no shell, no package manager. Works for a foreign architecture too, since nothing of
# it is run. Run inside of the Dockerfile's build stage.
# Usage: sh rootfs.sh ARCHITECTURE ROOT 'PACKAGE…' PROGRAM… (programs as paths, in packages or ROOT)
set -eu
architecture=$1
root=$2
packages=$3
shift 3
work=$(mktemp -d)
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/files" "$root"
: >"$work/status"

# An own state of apt, in which nothing is installed, so that every dependency is downloaded.
own_apt() {
  apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
    -o Dir::State::status="$work/status" -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -o Acquire::Languages=none "$@"
}
own_apt update
# shellcheck disable=SC2086 # a list of words
own_apt install -y --download-only --no-install-recommends $packages libc6 libstdc++6
for package in "$work"/cache/archives/*.deb; do
  name=$(dpkg-deb -f "$package" Package)
  mkdir "$work/files/$name"
  dpkg-deb -x "$package" "$work/files/$name"
done

# Everything lies below /usr; the names that programs know lead there.
for directory in bin sbin lib lib64; do
  mkdir -p "$root/usr/$directory"
  [ -e "$root/$directory" ] || ln -s "usr/$directory" "$root/$directory"
done

# find_file PATH: where a package has it, with and without /usr.
find_file() {
  for candidate in "$work"/files/*"$1" "$work"/files/*"/usr$1" "$work"/files/*"${1#/usr}"; do
    [ -e "$candidate" ] || continue
    echo "$candidate"
    return
  done
}

# take PATH: a program or library and all that it needs.
take() {
  if [ ! -e "$root$1" ]; then
    from=$(find_file "$1")
    [ -n "$from" ] || {
      echo "rootfs.sh: no package has $1" >&2
      exit 1
    }
    case $1 in
      /usr/*) to=$root$1 ;;
      *) to=$root/usr$1 ;;
    esac
    mkdir -p "$(dirname "$to")"
    cp -L "$from" "$to"
    package=${from#"$work/files/"}
    package=${package%%/*}
    mkdir -p "$root/usr/share/doc/$package"
    # Packages of one source may share one, by a link to the directory of another.
    shared=$(readlink "$work/files/$package/usr/share/doc/$package" || echo "$package")
    cp -L "$work/files/$shared/usr/share/doc/$shared/copyright" "$root/usr/share/doc/$package/"
  fi
  readelf -lW "$root$1" 2>/dev/null | sed -n 's/.*interpreter: \(.*\)].*/\1/p' >"$work/needed"
  for library in $(readelf -dW "$root$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)].*/\1/p'); do
    for place in "$work"/files/*/lib/*-linux-gnu*/"$library" \
      "$work"/files/*/usr/lib/*-linux-gnu*/"$library" "$work"/files/*/lib64/"$library"; do
      [ -e "$place" ] || continue
      path=${place#"$work/files/"}
      echo "/${path#*/}"
      break
    done
  done >>"$work/needed"
  for path in $(cat "$work/needed"); do
    [ -e "$root$path" ] || take "$path"
  done
}

for program in "$@"; do
  take "$program"
done
rm -rf "$work"
