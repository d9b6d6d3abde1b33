# Boots the guest in a container of the laboratory's image, in the folder that this file is in; what
# it finds is written to the output as it comes. `settings` names the program of QEMU and the like.
set -eu
cd "${0%/*}"
. ./settings
exec 2> errors

mkdir -p guest shared/9p shared/virtiofs
gcc -O2 -Wall -Werror -static -o guest/measure measure.c
cp rounds.sh guest/
cp -r project guest/project

# What the guest's CPU is to this one: the same build here, the quickest of some.
for time in 1 2 3 4; do
    rm -rf native
    cp -r project native
    ./guest/measure run "lab1 native" make -s -C native -j"$cpus" >> natives
done
sort -n -k 4 natives | head -n 1
native/program > guest/project/expected

truncate -s "$disk_size" disk.img
mke2fs -q -t ext4 -m 0 -E lazy_itable_init=0,lazy_journal_init=0 disk.img

# $1: whether it is only tried whether a guest comes up at all. $2: what runs its CPU, and how.
boot() {
    { cat settings; echo "trial=$1"; } > plan
    chmod 0755 init
    find init plan mounts guest | cpio --quiet -o -H newc > second.cpio
    cat /laboratory/first.cpio second.cpio > initramfs
    rm -f socket
    /usr/libexec/virtiofsd --socket-path=socket --shared-dir=shared/virtiofs \
        --sandbox=none --seccomp=none --cache=auto > virtiofsd.log 2>&1 &
    server=$!
    tries=0
    while [ ! -S socket ] && [ $tries -lt 100 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    code=0
    timeout -k 5 "$3" "$qemu" \
        -nodefaults -no-user-config -no-reboot -display none -serial file:console \
        -machine "$machine,memory-backend=memory" $2 -smp "$cpus" -m "$memory" \
        -object "memory-backend-memfd,id=memory,size=$memory,share=on" \
        -kernel /laboratory/kernel -initrd initramfs \
        -append "console=$console panic=-1 loglevel=4" \
        -device virtio-serial-pci -chardev file,id=results,path=/dev/fd/1 \
        -device virtserialport,chardev=results,name=results \
        -drive file=/laboratory/root.img,if=none,id=root,format=raw,readonly=on \
        -device virtio-blk-pci,drive=root \
        -drive file=disk.img,if=none,id=disk,format=raw,aio=threads \
        -device virtio-blk-pci,drive=disk \
        -fsdev local,id=nine,path=shared/9p,security_model=none,multidevs=remap \
        -device virtio-9p-pci,fsdev=nine,mount_tag=nine \
        -chardev socket,id=virtiofs,path=socket \
        -device vhost-user-fs-pci,chardev=virtiofs,tag=virtiofs \
        < /dev/null || code=$?
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    return $code
}

# A /dev/kvm that is there may still not carry a guest to its first line.
accelerator=tcg
if [ -w /dev/kvm ] && boot yes "-accel kvm -cpu host" 30 > trial && grep -qx "lab1 alive" trial; then
    accelerator=kvm
fi
echo "lab1 machine $accelerator $("$qemu" --version | sed -n '1s/.*version \([^ ]*\).*/\1/p')"
case $accelerator in
    kvm) boot no "-accel kvm -cpu host" "$kill_s" ;;
    tcg) boot no "-accel tcg,thread=multi,tb-size=512 -cpu max" "$kill_s" ;;
esac
