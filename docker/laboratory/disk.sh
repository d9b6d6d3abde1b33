# Makes /laboratory/root.img: a disk with all that is in this image, but for what nobody builds with.
tree=$(mktemp -d)
tar --create --one-file-system --directory / \
    --exclude=./laboratory --exclude=./tmp --exclude=./proc --exclude=./sys --exclude=./dev \
    --exclude=./usr/share/doc --exclude=./usr/share/locale --exclude=./usr/share/man \
    --exclude=./var/cache --exclude=./var/lib/apt --exclude=./var/lib/dpkg . |
    tar --extract --directory "$tree"
mkdir -p "$tree/proc" "$tree/sys" "$tree/dev" "$tree/tmp" "$tree/laboratory" "$tree/places"
size=$(du --summarize --block-size=1M "$tree" | cut -f 1)
mke2fs -q -t ext4 -d "$tree" -m 0 /laboratory/root.img "$((size + size / 4 + 32))M"
rm -rf "$tree"
