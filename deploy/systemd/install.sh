#!/bin/sh
# Puts Poplin onto this machine, from the archive that deploy/systemd/pack.sh has made and in which
# this script is: programs to /usr/local/lib/poplin, units, and settings where there are none yet.
# Starts nothing. Run again from a newer archive it replaces the programs and units; then restart
# them. Needs root. Usage: sh install.sh [--etcd-endpoints URL,…]
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
programs=/usr/local/lib/poplin
settings=/etc/poplin/agent.env
endpoints=
while [ $# -gt 0 ]; do
  case "$1:${2:-}" in
    --etcd-endpoints:?*) endpoints=$2 ;;
    *) echo 'usage: install.sh [--etcd-endpoints URL,…]' >&2; exit 2 ;;
  esac
  shift 2
done

fail() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || fail 'run it as root'
[ -x "$here/lib/bin/poplin" ] || fail 'run it from the unpacked archive of deploy/systemd/pack.sh'
command -v systemctl >/dev/null || fail 'there is no systemd here'
command -v nft >/dev/null || fail 'nft was not found: install nftables'
"$here/lib/bin/node" --version >/dev/null || fail 'its programs do not run: another architecture?'

# Whole, or not at all: an agent that runs keeps what it has open.
rm -rf "$programs.new" "$programs.old"
mkdir -p "${programs%/*}" /usr/local/bin
cp -R "$here/lib" "$programs.new"
[ ! -e "$programs" ] || mv "$programs" "$programs.old"
mv "$programs.new" "$programs"
rm -rf "$programs.old"
ln -sf "$programs/bin/poplin" /usr/local/bin/poplin

mkdir -p /etc/systemd/system /etc/poplin /opt/cni/bin /etc/cni/net.d
cp "$here"/*.service /etc/systemd/system/
if [ -e "$settings" ]; then
  echo "install.sh: $settings stays as it is"
elif [ -n "$endpoints" ]; then
  # A certificate for each machine is the safe way; an address that begins with http has none.
  case $endpoints in
    http://*) tls='^POPLIN_ETCD_.*_FILE=' ;;
    *) tls='^$' ;;
  esac
  sed -e "s|^POPLIN_ETCD_ENDPOINTS=.*|POPLIN_ETCD_ENDPOINTS=$endpoints|" -e "/$tls/d" \
    "$here/agent.env" >"$settings"
else
  cp "$here/agent.env" "$settings"
  echo "install.sh: write your etcd into $settings"
fi
# Runtimes that look for plugins in one place alone have to find this one beside ours.
if [ ! -e /opt/cni/bin/loopback ] && [ -e /usr/lib/cni/loopback ]; then
  cp /usr/lib/cni/loopback /opt/cni/bin/
fi
systemctl daemon-reload
echo "install.sh: $("$programs/bin/poplin" version) is installed: systemctl enable --now poplin"
