#!/bin/sh
# Installs what building, running and testing DockOS needs on Debian 12 or 13 or Ubuntu 24.04, and says so first.
# Silent and instant when nothing is missing.
set -eu

# Package and, after the colon, a file that shows that it is there.
needed="
bc:/usr/bin/bc
binutils:/usr/bin/ld
bison:/usr/bin/bison
debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg
dosfstools:/sbin/mkfs.vfat
flex:/usr/bin/flex
g++:/usr/bin/g++
gcc:/usr/bin/gcc
libc6-dev:/usr/include/stdio.h
libelf-dev:/usr/include/libelf.h
make:/usr/bin/make
mtools:/usr/bin/mcopy
openssh-client:/usr/bin/ssh
qemu-system-x86:/usr/bin/qemu-system-x86_64
squashfs-tools:/usr/bin/mksquashfs
xfsprogs:/sbin/mkfs.xfs
xz-utils:/usr/bin/xz
zstd:/usr/bin/zstd
"

missing=""
for entry in $needed; do
    [ -e "${entry#*:}" ] || missing="$missing ${entry%%:*}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "setup: these are missing, and there is no apt-get to install them:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
    if ! command -v sudo >/dev/null; then
        echo "setup: as root, run: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
fi

echo "DockOS needs these packages and installs them now:$missing"
start=$(date +%s)
# shellcheck disable=SC2086 # Words are wanted.
if ! { $as_root apt-get update -q &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; }; then
    echo "setup: apt-get failed, see above; install these by hand and start again:$missing" >&2
    exit 1
fi
echo "setup: done in $(($(date +%s) - start)) s"
