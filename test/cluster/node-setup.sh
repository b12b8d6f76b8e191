#!/bin/sh
# The first steps of a stand-in for a machine that a kubelet runs on: a root of its own over this
# machine's, with mounts, processes, names and control groups that nobody else sees. Becomes the
# first process of it. Usage: node-setup.sh enter NETNS NAME DIRECTORY FIRST
# DIRECTORY is on a real file system: what images are unpacked to cannot be an overlay on one.
set -eu
step=$1 netns=$2 name=$3 directory=$4 first=$5
cgroups=/sys/fs/cgroup
controllers='cpu cpuacct cpuset memory devices freezer blkio pids'
self=$(readlink -f -- "$0")

case $step in
  enter)
    for controller in $controllers systemd; do
      # The namespace has a name that no other test run has.
      group=$cgroups/$controller/${netns##*/}
      mkdir -p "$group"
      if [ "$controller" = cpuset ]; then
        for file in cpuset.cpus cpuset.mems; do cat "$cgroups/cpuset/$file" >"$group/$file"; done
        echo 1 >"$group/cgroup.clone_children"
      fi
      echo $$ >"$group/cgroup.procs"
    done
    exec nsenter --net="$netns" unshare --mount --uts --ipc --pid --cgroup --fork \
      --kill-child=SIGKILL --propagation private \
      sh "$self" root "$netns" "$name" "$directory" "$first"
    ;;
  root)
    hostname "$name"
    root=$directory/root
    mkdir -p "$root" "$directory/layers" "$directory/containerd" "$directory/kubelet"
    # On another file system than what it lies over.
    mount -t tmpfs tmpfs "$directory/layers"
    mkdir "$directory/layers/upper" "$directory/layers/work"
    mount -t overlay overlay "$root" \
      -o "lowerdir=/,upperdir=$directory/layers/upper,workdir=$directory/layers/work"
    cd "$root"
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount --rbind /dev dev
    # Logs and files of the programs, as they are.
    mount --bind "$directory" "${root}${directory}"
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs sys/fs/cgroup
    for controller in $controllers; do
      mkdir "sys/fs/cgroup/$controller"
      mount -t cgroup -o "$controller" cgroup "sys/fs/cgroup/$controller"
    done
    mkdir sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mkdir -p run/netns run/containerd var/lib/containerd var/lib/kubelet .before
    for each in containerd kubelet; do mount --bind "$directory/$each" "var/lib/$each"; done
    rm -rf etc/cni opt/cni var/lib/cni var/lib/poplin
    mkdir -p etc/cni/net.d opt/cni/bin
    cp /usr/lib/cni/loopback opt/cni/bin/
    printf '%s\n' "$name" | sha256sum | cut -c 1-32 >etc/machine-id
    pivot_root . .before
    mount --make-rshared /
    umount -l /.before
    rmdir /.before
    exec "$first" until-stdin-ends
    ;;
esac
