#!/bin/sh
# Starts BIRD when the agent has written its configuration: in its own place, so that the end of
# BIRD is the end of the container. -R: routes of the BIRD before this one are kept meanwhile.
set -eu
directory=${POPLIN_BIRD_DIR:-/run/poplin/bird}
until [ -e "$directory/bird.conf" ]; do
  sleep 0.2
done
exec bird -f -R -c "$directory/bird.conf" -s "$directory/bird.ctl"
