#!/bin/busybox sh
# The bare floor: the least that can be done with this kernel and this root image until a container runs, one containerd
# and one dockerd with their defaults. `bench` gives DockOS's times as a ratio to this.
# It runs twice: as the first init from the initramfs, then (with an argument) from the root image.

mark() { echo "FLOOR $1 $(cut -d' ' -f1 /proc/uptime)"; }

if [ $# -eq 0 ]; then
    bb() { /bin/busybox "$@"; }
    bb mount -t proc proc /proc
    bb mount -t devtmpfs dev /dev
    bb mount -t squashfs -o loop,ro /root.img /mnt || bb mount -t erofs -o loop,ro /root.img /mnt
    bb mount -t tmpfs run /mnt/run
    bb cp /init /mnt/run/floor.sh
    bb mount -o move /proc /mnt/proc
    bb mount -o move /dev /mnt/dev
    exec /bin/busybox switch_root -c /dev/console /mnt /bin/sh /run/floor.sh stage2
fi

export PATH=/usr/sbin:/usr/bin HOME=/root
mark "init"
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmp /tmp
mount -t tmpfs -o size=80% var /var
mkdir -p /dev/pts /dev/shm /var/lib
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ip link set lo up

fail() {
    echo "FLOOR failed: $1"
    tail -n 20 /run/containerd.log /run/dockerd.log
    poweroff -f
}

containerd >/run/containerd.log 2>&1 &
until [ -S /run/containerd/containerd.sock ]; do usleep 20000; done
mark "containerd listens"
# Its proxy for ports is not in the root image.
dockerd --containerd /run/containerd/containerd.sock --userland-proxy=false >/run/dockerd.log 2>&1 &
until [ -S /run/docker.sock ] || [ -S /var/run/docker.sock ]; do
    kill -0 $! || fail "dockerd"
    usleep 20000
done
[ -S /run/docker.sock ] || ln -s /var/run/docker.sock /run/docker.sock
mark "dockerd listens"
docker load -q -i /usr/share/dockos/images/hello.tar || fail "docker load"
mark "image loaded"
docker run -d --name hello dockos/hello || fail "docker run"
mark "container running"
free -m
busybox poweroff -f
