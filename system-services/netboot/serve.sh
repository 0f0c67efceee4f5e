#!/bin/sh
# Serves a room from this machine: the boot files of `make netboot`, machines and configs of netboot/.
# DHCP and TFTP need root; `--dhcp none` serves HTTP alone, on any port above 1023 as any user.
set -eu
cd "$(dirname "$0")/../.."

# netboot/ is beside out/, which `make clean` removes.
boot=out/netboot
[ -e "$boot/vmlinuz" ] || boot=out
for file in vmlinuz initramfs rootfs; do
    if [ ! -e "$boot/$file" ]; then
        echo "netboot-serve: there is no $boot/$file: run make netboot (or make image) first" >&2
        exit 1
    fi
done
mkdir -p netboot/configs
# Made under sudo, it belongs to who called sudo, and edits machines.yml.
if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_UID:-}" ]; then
    chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" netboot netboot/configs
fi
[ -e "${CARGO_TARGET_DIR:-target}/release/dockos-netboot" ] ||
    echo "netboot-serve: the first time the server is built, which takes about two minutes"
${CARGO:-cargo} build --quiet --release --package dockos-netboot
program=${CARGO_TARGET_DIR:-target}/release/dockos-netboot

as_root=""
needs_root=yes
previous=""
for word in "$@"; do
    case "$previous $word" in
    "--dhcp none" | *" --dhcp=none") needs_root=no ;;
    *" --help" | *" -h") needs_root=no ;;
    esac
    previous=$word
done
if [ "$needs_root" = yes ] && [ "$(id -u)" -ne 0 ]; then
    echo "netboot-serve: DHCP and TFTP need root: sudo is asked (or use ARGS=\"--dhcp none --port 8080\")"
    as_root=sudo
fi
exec $as_root "$program" serve --state netboot --boot "$boot" "$@"
