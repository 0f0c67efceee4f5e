#!/bin/sh
# Installs what building, running and testing DockOS needs on Debian 12 or 13 or Ubuntu 24.04, and says so first.
# Silent and instant when nothing is missing.
set -eu

# Package and, after the colon, a file that shows that it is there.
needed="
bc:/usr/bin/bc
binutils:/usr/bin/ld
bison:/usr/bin/bison
buildah:/usr/bin/buildah
debian-archive-keyring:/usr/share/keyrings/debian-archive-keyring.gpg
dnsmasq-base:/usr/sbin/dnsmasq
dosfstools:/sbin/mkfs.vfat
flex:/usr/bin/flex
fonts-wqy-microhei:/usr/share/fonts/truetype/wqy/wqy-microhei.ttc
g++:/usr/bin/g++
gcc:/usr/bin/gcc
grub-common:/usr/bin/grub-script-check
libc6-dev:/usr/include/stdio.h
libelf-dev:/usr/include/libelf.h
make:/usr/bin/make
mmdebstrap:/usr/bin/mmdebstrap
mtools:/usr/bin/mcopy
openssh-client:/usr/bin/ssh
openssl:/usr/bin/openssl
ovmf:/usr/share/OVMF/OVMF_CODE_4M.fd
python3:/usr/bin/python3
qemu-system-x86:/usr/bin/qemu-system-x86_64
squashfs-tools:/usr/bin/mksquashfs
tesseract-ocr:/usr/bin/tesseract
tesseract-ocr-chi-sim:/usr/share/tesseract-ocr/*/tessdata/chi_sim.traineddata
tesseract-ocr-eng:/usr/share/tesseract-ocr/*/tessdata/eng.traineddata
xfsprogs:/sbin/mkfs.xfs
xorriso:/usr/bin/xorriso
xz-utils:/usr/bin/xz
zstd:/usr/bin/zstd
"

# Ubuntu has no Chromium as a package: there the tests of desktops want DOCKOS_CHROMIUM, the path of another.
where_packaged="
chromium-headless-shell:/usr/bin/chromium-headless-shell
"

is_there() {
    # shellcheck disable=SC2086 # Versions are in some paths.
    set -- ${1#*:}
    [ -e "$1" ]
}

missing=""
for entry in $needed; do
    is_there "$entry" || missing="$missing ${entry%%:*}"
done
packaged() {
    for entry in $where_packaged; do
        is_there "$entry" || ! apt-cache show "${entry%%:*}" >/dev/null 2>&1 || echo "${entry%%:*}"
    done
}
[ -n "$missing$(packaged)" ] || exit 0

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

echo "DockOS needs these packages and installs them now:$missing $(packaged)"
start=$(date +%s)
# shellcheck disable=SC2086 # Words are wanted.
if ! { $as_root apt-get update -q &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing $(packaged); }; then
    echo "setup: apt-get failed, see above; install these by hand and start again:$missing" >&2
    exit 1
fi
echo "setup: done in $(($(date +%s) - start)) s"
