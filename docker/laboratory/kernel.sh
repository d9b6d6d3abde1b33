# Makes of the kernel that is installed here /laboratory/kernel and /laboratory/first.cpio: modules,
# in the order in which they are loaded, and busybox. `init` is added by whoever boots it.
for kernel in /boot/vmlinuz-*; do :; done
version=${kernel#/boot/vmlinuz-}
tree=$(mktemp -d)
mkdir -p "$tree/bin" "$tree/modules" "$tree/proc" "$tree/sys" "$tree/dev" "$tree/root"
cp /bin/busybox "$tree/bin/busybox"
for module in virtio_pci virtio_blk virtio_console ext4 9pnet_virtio 9p virtiofs; do
    modprobe --set-version "$version" --show-depends "$module"
done > /laboratory/modules
number=100
# A module that is part of the kernel is told as `builtin NAME`.
sed -n 's/^insmod \([^ ]*\).*/\1/p' /laboratory/modules | awk '!seen[$0]++' |
    while read -r file; do
        name=${file##*/}
        case $name in
            *.xz) xz -dc "$file" > "$tree/modules/$number-${name%.xz}" ;;
            *.zst | *.gz) echo "$file: only xz is known here" >&2; exit 1 ;;
            *) cp "$file" "$tree/modules/$number-$name" ;;
        esac
        number=$((number + 1))
    done
(cd "$tree" && find . | cpio --quiet -o -H newc > /laboratory/first.cpio)
cp "$kernel" /laboratory/kernel
rm -rf "$tree" /boot/*
