# What the rust toolchain has for one architecture: by what cargo links for it, and by what the
# crates cc, cmake and pkg-config compile C and C++ and find libraries for it.
ARG BASE
FROM ${BASE}
# The label comes first: what a killed build leaves behind is then known as Crossgate's too.
LABEL dev.crossgate.made="image"
ARG TRIPLET
ARG RUST_TARGET
ARG QEMU
ARG SYSROOT
ARG FOREIGN=""
# Where cargo looks last of the folders above a workspace: a project's own configuration comes
# before it, and so does the environment. A container of the target's own CPU needs no emulator,
# and is left to find out by itself what CMake would be told.
RUN mkdir -p /.cargo && suffix=$(echo "${RUST_TARGET}" | tr - _) \
    && { printf '[target.%s]\nlinker = "%s-gcc"\n' "${RUST_TARGET}" "${TRIPLET}" \
        && if [ -n "${FOREIGN}" ]; then printf 'runner = "%s -L %s"\n' "${QEMU}" "${SYSROOT}"; fi \
        && printf '[env]\n' \
        && printf "%s_${suffix} = \"${TRIPLET}-%s\"\n" \
            CC gcc CXX g++ AR ar RANLIB ranlib PKG_CONFIG pkg-config \
        && if [ -n "${FOREIGN}" ]; then printf 'CMAKE_TOOLCHAIN_FILE_%s = "%s"\n' \
            "${suffix}" "/usr/share/crossgate/${TRIPLET}.cmake"; fi; } > /.cargo/config.toml
