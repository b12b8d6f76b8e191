#!/bin/sh
# The demo: three nodes on this machine, pods on each, every pair tried over VXLAN, the backend
# changed live to host-gw, every pair tried again. Installs and builds what is missing first. Exit
# code 1 when a pair cannot reach each other. With --name NAME the lab is called so.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
sh "$root/scripts/setup.sh" lab
sh "$root/scripts/build.sh" if-needed
exec sh "$root/scripts/node.sh" "$root/scripts/demo.ts" "$@"
