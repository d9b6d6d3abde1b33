#!/bin/sh
# Unpacks the packages and runs what is in them.
# usage: packaging/check.sh OUT [EMULATOR...]
set -eu
out=$(realpath "$1")
shift
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"

dpkg-deb --extract "$out"/*.deb deb
"$@" deb/usr/bin/dropcompress verify

"$@" "$out"/*.AppImage --appimage-extract
"$@" squashfs-root/AppRun verify
cmp deb/usr/bin/dropcompress squashfs-root/usr/bin/dropcompress

# Without an emulator, the way that people start it, leaving nothing behind.
if [ $# = 0 ]; then
    mkdir tmp
    TMPDIR=$here/tmp "$out"/*.AppImage verify
    rmdir tmp
fi
