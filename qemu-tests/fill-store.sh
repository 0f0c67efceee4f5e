#!/bin/sh
# Makes the file system of a state disk whose user Docker has images already. src/store.rs runs it, as root, with
#
#     unshare --mount --pid --fork --kill-child --net sh fill-store.sh outside ROOT STATE ARCHIVE…
#
# so that its mounts and daemons end with it and it reaches no network. ROOT is the unpacked root image: the engine is the
# one that the machine will have, and so are file system, storage driver and remapping of users. STATE is a sparse file.
set -eu

# From the build machine's root to the image's. The engine unpacks layers behind a pivot_root, which no chroot allows.
outside() {
    root=$1
    state=$2
    script=$(readlink -f "$0")
    shift 2
    mount --bind "$root" "$root"
    mount -t tmpfs none "$root/run"
    mount -t tmpfs none "$root/tmp"
    mount -t proc none "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mkdir "$root/tmp/archives" "$root/tmp/outside"
    bind_file "$state" "$root/tmp/state"
    bind_file "$script" "$root/tmp/fill-store.sh"
    number=0
    for archive; do
        number=$((number + 1))
        bind_file "$archive" "$root/tmp/archives/$(printf %03d "$number")-$(basename "$archive")"
    done
    cd "$root"
    pivot_root . tmp/outside
    exec chroot . /bin/sh /tmp/fill-store.sh inside
}

bind_file() {
    : >"$2"
    mount --bind "$1" "$2"
}

inside() {
    export PATH=/usr/sbin:/usr/bin:/sbin:/bin
    umount -l /tmp/outside
    mkfs.xfs -q -K -L DOCKOS_STATE /tmp/state
    mount -t xfs -o loop /tmp/state /var
    mkdir -p /var/lib/docker /run/log
    start_engine
    for archive in /tmp/archives/*; do
        name=${archive##*/???-}
        echo "load $name"
        docker -H unix:///run/docker.sock load -q -i "$archive" || fail "$name cannot be loaded"
    done
    docker -H unix:///run/docker.sock images --no-trunc
    end "$dockerd"
    end "$containerd"
    only_images /var/lib/docker/*.*
    umount /var || fail "the engine left the store in use"
}

# The settings are those of init/src/user_docker.rs, as far as they shape the store; no containers, hence no bridge.
start_engine() {
    containerd --config /usr/share/dockos/containerd.toml --root /run/containerd-root --state /run/containerd-state \
        --address /run/containerd.sock >/run/log/containerd.log 2>&1 &
    containerd=$!
    dockerd --data-root=/var/lib/docker --exec-root=/run/docker --containerd=/run/containerd.sock --pidfile= \
        --host=unix:///run/docker.sock --storage-driver=overlay2 --userns-remap=default --bridge=none \
        --iptables=false --userland-proxy=false --ip6tables=false --ip-forward=false >/run/log/dockerd.log 2>&1 &
    dockerd=$!
    for _ in $(seq 300); do
        docker -H unix:///run/docker.sock version >/dev/null 2>&1 && return
        kill -0 "$dockerd" 2>/dev/null || fail "dockerd ended"
        sleep 0.2
    done
    fail "dockerd does not answer"
}

# What else the engine made is of this machine: its ID, its networks.
only_images() {
    for entry in "$1"/*; do
        case ${entry##*/} in
        image | overlay2) ;;
        *) rm -rf "$entry" ;;
        esac
    done
}

# A daemon that is asked to end has a minute for it.
end() {
    kill "$1"
    for _ in $(seq 300); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.2
    done
    fail "a daemon does not end"
}

fail() {
    tail -n 15 /run/log/*.log >&2
    echo "fill-store: $1" >&2
    exit 1
}

step=$1
shift
case $step in
outside) outside "$@" ;;
inside) inside ;;
esac
