#!/bin/sh
# plugin.sh WORK: compiles the plug-in and gives it to the Eclipse in /opt/eclipse; run while the image is built.
set -eu
work=$1
eclipse=/opt/eclipse
icon=/usr/share/icons/Papirus/48x48/apps/eclipse.svg

mkdir -p "$work/classes/icons"
for size in 16 32 48 128; do
    rsvg-convert -w $size -h $size -o "$work/classes/icons/eclipse-$size.png" $icon
done
find "$work/plugin/src" -name '*.java' >"$work/sources"
javac --release 17 -Xlint:all,-path -Werror -encoding UTF-8 -cp "$eclipse/plugins/*" -d "$work/classes" @"$work/sources"
cp "$work/plugin/plugin.xml" "$work/plugin/preferences.ini" "$work/classes/"
jar --create --date=2024-01-01T00:00:00Z --file "$eclipse/plugins/org.dockos.eclipse_1.0.0.jar" \
    --manifest "$work/plugin/META-INF/MANIFEST.MF" -C "$work/classes" .
sed -i '1s/=/=reference\\:file\\:org.dockos.eclipse_1.0.0.jar,\\\n /' $eclipse/configuration/config.ini
cp "$work/java-options" $eclipse/
