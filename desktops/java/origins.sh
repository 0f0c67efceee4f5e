#!/bin/sh
# origins.sh FOLDER: the Debian packages that Eclipse was made of, with versions, and their licences; run while the image is built.
set -eu
folder=$1
mkdir -p "$folder"
sed 's|.*|/usr/share/java/&|' /opt/eclipse/jars | xargs dpkg-query --search | sed 's/:.*//' | sort -u >"$folder/names"
xargs dpkg-query --show <"$folder/names" >"$folder/packages"
while read -r name; do
    cp "/usr/share/doc/$name/copyright" "$folder/$name.copyright"
done <"$folder/names"
rm "$folder/names" /opt/eclipse/jars
