#!/bin/sh
# Runs BIRD for the agent of this node: what the sidecar container, the systemd unit and the lab
# start. Waits until the agent has written bird.conf, starts BIRD by it, and again when it ends. A
# BIRD that gets SIGTERM withdraws its routes and the node's pods are unreachable for seconds: on
# SIGTERM it is told to go for a graceful restart instead, by which its neighbours keep them. Needs
# a POSIX shell, BIRD and its small client, and nothing else of Poplin.
# Usage: bird-run.sh [DIRECTORY]   (BIRD and BIRDCL: paths of the programs)
set -u
directory=${1:-/run/poplin/bird}
bird=${BIRD:-bird}
birdcl=${BIRDCL:-birdcl}
conf=$directory/bird.conf
control=$directory/bird.ctl
refused=$directory/bird.refused
# Gone after a reboot, as is what BIRD left in the kernel.
ran=$directory/bird.ran
umask 077
child=
stopping=
recover=

stop() {
  stopping=yes
  [ -n "$child" ] || exit 0
  # What does not answer is killed: neighbours keep its routes then as well.
  (sleep 5; kill -KILL "$child") 2>/dev/null &
  guard=$!
  "$birdcl" -s "$control" graceful restart >/dev/null 2>&1 || kill -KILL "$child" 2>/dev/null
  wait "$child" 2>/dev/null
  kill "$guard" 2>/dev/null
  exit 0
}
trap stop TERM INT

pause() {
  sleep "$1" 2>/dev/null || sleep 1
}

# A text that BIRD does not take is said to the agent, which shows it and may write another.
accepted() {
  [ -s "$conf" ] || return 1
  if "$bird" -p -c "$conf" 2>"$refused.tmp" >/dev/null; then
    rm -f "$refused.tmp" "$refused"
    return 0
  fi
  cmp -s "$refused.tmp" "$refused" || cat "$refused.tmp" >&2
  mv "$refused.tmp" "$refused"
  return 1
}

while [ -z "$stopping" ]; do
  until accepted; do pause 0.3; done
  # At the first start there is nothing to recover: waiting for peers would only delay all routes.
  # Later ones wait until BFD has told the neighbours of the end, 5 s at most (NODE_BFD in
  # src/bgp/render.ts): those that hear of it while they have or open the next session drop the
  # routes that they keep over a restart.
  if [ -e "$ran" ]; then
    recover=-R
    pause 6
  fi
  : >"$ran"
  "$bird" -f $recover -c "$conf" -s "$control" &
  child=$!
  wait "$child"
  echo "bird-run: BIRD ended with status $?" >&2
  child=
done
