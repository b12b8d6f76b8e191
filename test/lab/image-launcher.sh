#!/bin/sh
# Starts a lab's agent in a container of the image, by runc, and anything else as it is. Usage:
# image-launcher.sh DIRECTORY ROOTFS CAPABILITY-TO-LEAVE-OUT|none COMMAND…
set -eu
directory=$1
rootfs=$2
without=$3
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
shift 3
case " $* " in
  *" agent --node-name "*) ;;
  *) exec "$@" ;;
esac
name=poplin-$$
bundle=$directory/$name
sh "$here/../../scripts/node.sh" "$here/image-agent.ts" "$bundle" "$rootfs" "$without" "$@"
# `ip netns exec` has mounted a /sys of its own, which lacks the cgroups.
exec nsenter --mount="/proc/$PPID/ns/mnt" "$here/../../.cache/containerd-1.6/usr/sbin/runc" \
  --root "$directory/runc" run --bundle "$bundle" "$name"
