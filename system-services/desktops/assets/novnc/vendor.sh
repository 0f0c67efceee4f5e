#!/bin/sh
# Makes novnc.js of Debian's package: vendor.sh novnc_VERSION_all.deb. Needs dpkg-deb and esbuild (Debian's package).
set -eu
package=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dpkg-deb -x "$package" "$work"
cd "$work/usr/share/novnc"
version=$(dpkg-deb -f "$package" Version)
esbuild core/rfb.js --bundle --minify --format=esm --target=es2022 --legal-comments=none \
    --banner:js="/* noVNC $version (Debian), MPL-2.0, with pako (MIT, Zlib) and parts under BSD-2-Clause: see assets/novnc/README.md */" \
    --outfile="$here/novnc.js"
cp "$work/usr/share/doc/novnc/copyright" "$here/copyright"
