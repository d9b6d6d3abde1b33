#!/bin/sh
# Makes a .deb and an AppImage of one architecture, the same bytes each time.
# usage: packaging/package.sh FOLDER TRIPLET RUST-TARGET OUT
# FOLDER has the programs that cargo built; run where Cargo.toml is, after the build.
set -eu
umask 022
built=$1 triplet=$2 rust_target=$3 out=$4

# Nothing in a package is younger than this version (dpkg-deb and mksquashfs go by it, too).
export SOURCE_DATE_EPOCH=1767225600
version=$("$(dirname "$0")/version.sh")
debian=$(dpkg-architecture -t "$triplet" -q DEB_HOST_ARCH)
case $debian in
    armhf) cpu=armhf ;;
    ppc64el) cpu=ppc64le ;;
    *) cpu=${triplet%%-*} ;;
esac

rm -rf "$out"
root=$out/root
mkdir -p "$root/usr/bin" "$root/usr/share/doc/dropcompress"
install -m 0755 "$built/dropcompress" "$root/usr/bin/"

# What the codecs' licences ask for: their texts, in whatever is shipped.
{
    cat packaging/copyright
    cargo metadata --quiet --offline --locked --format-version 1 --filter-platform "$rust_target" \
        | grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4 | sort | while read -r manifest; do
            crate=${manifest%/Cargo.toml}
            find "$crate" -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'patents*' \
                -o -iname 'notice*' \) ! -path "$PWD/*" | sort | while read -r text; do
                printf '\n==== %s\n\n' "${crate##*/}${text#"$crate"}"
                cat "$text"
            done
        done
} > "$root/usr/share/doc/dropcompress/copyright"
grep -q '^==== jpegxl-src' "$root/usr/share/doc/dropcompress/copyright"

mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$debian/" packaging/control.in \
    > "$root/DEBIAN/control"
dpkg-deb --root-owner-group --build "$root" "$out/dropcompress_${version}_$debian.deb" > /dev/null
rm -r "$root/DEBIAN"

# https://github.com/AppImage/AppImageSpec/blob/master/draft.md#appdir
ln -s usr/bin/dropcompress "$root/AppRun"
cp packaging/dropcompress.desktop packaging/dropcompress.svg "$root/"
ln -s dropcompress.svg "$root/.DirIcon"
image=$out/dropcompress-$version-$cpu.AppImage
mksquashfs "$root" "$out/squashfs" -comp gzip -all-root -no-xattrs -noappend -no-progress -quiet
cat "$built/appimage-runtime" "$out/squashfs" > "$image"
# What makes a program an AppImage of type 2: a mark in the filling of its ELF header.
printf 'AI\002' | dd of="$image" bs=1 seek=8 conv=notrunc status=none
chmod 0755 "$image"
rm -r "$root" "$out/squashfs"
