#!/bin/sh
# Starts a lab's BIRD in a container of its image, by runc: what the lab takes for bird-run.sh. The
# test has written IMAGE_BIRD_BUNDLES/config.json, in which @DIRECTORY@ stands for the directory.
# Usage: image-bird.sh DIRECTORY
set -eu
bundle=$IMAGE_BIRD_BUNDLES/bird-$$
mkdir "$bundle"
sed "s#@DIRECTORY@#$1#g; s#@NAME@#bird-$$#" "$IMAGE_BIRD_BUNDLES/config.json" >"$bundle/config.json"
# `ip netns exec` has mounted a /sys of its own, which lacks the cgroups.
exec nsenter --mount="/proc/$PPID/ns/mnt" "$IMAGE_BIRD_RUNC" \
  --root "$IMAGE_BIRD_BUNDLES/runc" run --bundle "$bundle" "bird-$$"
