#!/bin/sh
# Makes a folder of tools for each of zig's targets, each tool one word that can stand for CC.
# Reads a line a target: its name, system, CMake's CPU, Meson's family, byte order, Debian's folder
# for libraries, and the lowest and highest version that {glibc} in the name stands for.
set -eu

tool() {
    name=$1
    shift
    printf '#!/bin/sh\n%s\n' "$*" > "$target/$name"
    chmod 0755 "$target/$name"
}

tools() {
    mkdir "$target"
    here=$PWD/$target flags=
    case $target in
        # Debian's armhf: without what only some CPUs of that age have (NEON).
        arm-*hf*) flags=' -mcpu=generic+v7a+vfp3d16' ;;
        # As Debian's: the long double of IBM, the only one that glibc knows before 2.32.
        powerpc64le-linux-gnu*) flags=' -mabi=ibmlongdouble' ;;
    esac
    tool cc "exec zig cc -target $target$flags \"\$@\""
    tool c++ "exec zig c++ -target $target$flags \"\$@\""
    tool ar 'exec zig ar "$@"'
    tool ranlib 'exec zig ranlib "$@"'
    tool pkg-config "PKG_CONFIG_LIBDIR=$libraries exec pkgconf \"\$@\""
    {
        printf 'set(%s)\n' "CMAKE_SYSTEM_NAME $cmake" "CMAKE_SYSTEM_PROCESSOR $processor" \
            "CMAKE_C_COMPILER $here/cc" "CMAKE_CXX_COMPILER $here/c++" \
            "CMAKE_ASM_COMPILER $here/cc" "CMAKE_AR $here/ar" "CMAKE_RANLIB $here/ranlib" \
            'CMAKE_NM /usr/bin/llvm-nm' 'CMAKE_STRIP /usr/bin/llvm-strip' \
            'CMAKE_OBJCOPY /usr/bin/llvm-objcopy' "PKG_CONFIG_EXECUTABLE $here/pkg-config" \
            'CMAKE_RC_COMPILER /usr/bin/llvm-windres' \
            'CMAKE_INSTALL_NAME_TOOL /usr/bin/llvm-install-name-tool' \
            "CMAKE_FIND_ROOT_PATH $roots" 'CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER' \
            'CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY' 'CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY'
        [ "$multiarch" = - ] || printf 'set(%s)\n' "CMAKE_LIBRARY_ARCHITECTURE $multiarch"
    } > "$target/toolchain.cmake"
    printf '%s\n' '[binaries]' "c = '$here/cc'" "cpp = '$here/c++'" "ar = '$here/ar'" \
        "strip = 'llvm-strip'" "pkg-config = '$here/pkg-config'" '[host_machine]' \
        "system = '$system'" "cpu_family = '$family'" "cpu = '$processor'" \
        "endian = '$endian'" > "$target/cross.meson"
}

while read -r pattern system processor family endian multiarch lowest highest; do
    # Nothing of the container's own may be found for another system.
    libraries=/nonexistent roots=/nonexistent
    case $system in
        linux)
            cmake=Linux roots=/
            libraries=/usr/local/lib/$multiarch/pkgconfig:/usr/lib/$multiarch/pkgconfig
            libraries=$libraries:/usr/share/pkgconfig
            ;;
        windows) cmake=Windows ;;
        darwin) cmake=Darwin ;;
    esac
    case $pattern in
        *'{glibc}')
            for minor in $(seq "${lowest#*.}" "${highest#*.}"); do
                target=${pattern%'{glibc}'}2.$minor
                tools
            done
            ;;
        *)
            target=$pattern
            tools
            ;;
    esac
done
