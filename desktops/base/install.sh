#!/bin/sh
# Installs the base image's packages and makes its user and locales.
set -eu
cd /tmp/build
chown -R _apt /tmp/build
apt-get update -q
# shellcheck disable=SC2046 # Words are wanted.
apt-get install -q -y $(sed 's/#.*//' packages.list)

# Debian's packages of Xvnc and the menu want perl, a C preprocessor and more for scripts that no desktop runs (90 MB).
# repack NAME PACKAGE FILE DEPENDENCY...: the same package with that program only, without those dependencies.
repack() {
    name=$1 package=$2 file=$3
    shift 3
    apt-get download -q "$package"
    dpkg-deb --raw-extract "$package"_*.deb "$name"
    find "$name/DEBIAN" -type f ! -name control -delete
    rm -rf "$name/etc" "$name/usr/share/perl5" "$name/usr/sbin" "$name/usr/libexec"
    find "$name/usr/bin" -type f ! -name "$file" -delete
    sed -i -e "s/^Package: .*/Package: $name/" \
        -e '/^\(Recommends\|Suggests\|Breaks\|Replaces\|Conflicts\|Provides\):/d' "$name/DEBIAN/control"
    for dependency; do
        sed -i "/^Depends: /s/, $dependency\( ([^)]*)\)\?\(,\|$\)/\2/" "$name/DEBIAN/control"
    done
    dpkg-deb --build -Znone "$name" "$name.deb"
    apt-get install -q -y "./$name.deb"
    apt-mark hold "$name"
}
repack dockos-screen tigervnc-standalone-server Xtigervnc perl:any libfile-readbackwards-perl tigervnc-common
ln -s Xtigervnc /usr/bin/Xvnc
repack dockos-menu jgmenu 'jgmenu*' x11-xserver-utils

# What the menu shows elsewhere, or a student has no use for.
for name in fcitx5-configtool fcitx5-wayland-launcher org.fcitx.Fcitx5 jgmenu openbox tint2 tint2conf \
    pcmanfm pcmanfm-desktop-pref lxterminal org.xfce.mousepad-settings python3.13 vim; do
    file=/usr/share/applications/$name.desktop
    [ ! -f "$file" ] || sed -i '/^NoDisplay=/d; s/^\[Desktop Entry\]$/&\nNoDisplay=true/' "$file"
done

printf '%s UTF-8\n' zh_CN.UTF-8 en_US.UTF-8 >/etc/locale.gen
locale-gen
# 17 MB from which other locales would be made; `apt-get install --reinstall locales` brings them back.
rm -r /usr/share/i18n/locales /usr/share/i18n/charmaps
ln -sf /usr/share/zoneinfo/Asia/Shanghai /etc/localtime
echo Asia/Shanghai >/etc/timezone

groupadd --gid 1000 student
useradd --uid 1000 --gid 1000 --shell /bin/bash --home-dir /home/student --no-create-home student
install -d -o student -g student -m 700 /home/student /run/dockos/screen
