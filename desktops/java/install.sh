#!/bin/sh
# install.sh LIST: installs the packages of a list.
set -eu
# The JDK's package puts links there, manual pages or not.
mkdir -p /usr/share/man/man1
apt-get update -q
# shellcheck disable=SC2046 # the names are words
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $(sed 's/#.*//' "$1")
rm -rf /usr/share/man/*
