#!/bin/sh
# Stands in for systemctl on a machine that no systemd runs on: reads the units where systemd does,
# starts what they say with the environment and directories that they say, and ends it. No
# restarts, no dependencies, no sandbox. Usage: systemctl daemon-reload | enable --now UNIT… |
# disable --now UNIT… | start UNIT… | stop UNIT… | restart UNIT…
set -eu
runs=/run/stand-in-units
mkdir -p "$runs"
verb=$1
shift
[ "${1:-}" != --now ] || shift

# file UNIT: an administrator's before the distribution's.
file() {
  for place in /etc/systemd/system /lib/systemd/system; do
    [ -e "$place/$1.service" ] || continue
    echo "$place/$1.service"
    return
  done
  echo "Unit $1.service could not be found." >&2
  exit 5
}

value() { sed -n "s/^$1=//p" "$unit_file" | sed "s|%H|$(hostname)|g; s|%p|$unit|g"; }

within() {
  tries=600
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "$unit: waited in vain for: $*" >&2; exit 1; }
    sleep 0.1
  done
}

start() {
  unit=$1
  unit_file=$(file "$unit")
  (
    set -a
    value Environment >"$runs/$unit.env"
    # shellcheck disable=SC1090 # of the unit
    . "$runs/$unit.env"
    for settings in $(value EnvironmentFile); do
      case $settings in
        -*) [ ! -e "${settings#-}" ] || . "${settings#-}" ;;
        *) . "$settings" ;;
      esac
    done
    for name in $(value RuntimeDirectory); do mkdir -p -m 0700 "/run/$name"; done
    for name in $(value StateDirectory); do mkdir -p -m 0700 "/var/lib/$name"; done
    value ExecStartPre | while read -r command; do
      case $command in
        -*) sh -c "${command#-}" || true ;;
        *) sh -ec "$command" ;;
      esac
    done
    # Into the machine's own control groups.
    join='for group in /sys/fs/cgroup/*; do echo $$ >$group/cgroup.procs; done'
    setsid sh -c "$join; echo \$\$ >$runs/$unit.pid; exec $(value ExecStart)" \
      </dev/null >>"$runs/$unit.log" 2>&1 &
  )
  within test -s "$runs/$unit.pid"
  # As a unit of Type=notify is waited for.
  case $unit in
    etcd) within grep -q ':094B .* 0A ' /proc/net/tcp ;;
    containerd) within ctr version ;;
  esac
}

is_gone() { ! kill -0 "$pid"; }

stop() {
  unit=$1
  file "$unit" >/dev/null
  [ -s "$runs/$unit.pid" ] || return 0
  pid=$(cat "$runs/$unit.pid")
  rm "$runs/$unit.pid"
  kill "$pid" 2>/dev/null || return 0
  within is_gone
}

for name in "$@"; do
  case $verb in
    enable | start) start "$name" ;;
    disable | stop) stop "$name" ;;
    restart) stop "$name"; start "$name" ;;
    *) echo "systemctl: what is $verb" >&2; exit 1 ;;
  esac
done
[ $# -gt 0 ] || [ "$verb" = daemon-reload ]
