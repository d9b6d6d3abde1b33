# What the gcc toolchain has for one architecture.
ARG BASE
FROM ${BASE}
# The label comes first: what a killed build leaves behind is then known as Crossgate's too.
LABEL dev.crossgate.made="image"
ARG DEBIAN_FRONTEND=noninteractive
ARG CROSS_PACKAGES=""
# cache: apt
RUN if [ -n "${CROSS_PACKAGES}" ]; then \
        apt-get update \
        && apt-get install -y --no-install-recommends ${CROSS_PACKAGES} \
        && rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    fi
# What Debian's own cross packages leave to the user: pkg-config for the target's libraries, and
# files by which CMake and Meson know the target.
ARG TRIPLET
ARG MULTIARCH
ARG CMAKE_PROCESSOR
ARG MESON_CPU
RUN mkdir -p /usr/share/crossgate && cd /usr/share/crossgate \
    && if [ ! -e "/usr/bin/${TRIPLET}-pkg-config" ]; then \
        printf '#!/bin/sh\nPKG_CONFIG_LIBDIR=%s:%s:%s:%s exec pkgconf "$@"\n' \
            "/usr/local/lib/${MULTIARCH}/pkgconfig" "/usr/lib/${MULTIARCH}/pkgconfig" \
            "/usr/${TRIPLET}/lib/pkgconfig" /usr/share/pkgconfig \
            > "/usr/bin/${TRIPLET}-pkg-config" \
        && chmod 0755 "/usr/bin/${TRIPLET}-pkg-config"; fi \
    && printf 'set(%s)\n' \
        'CMAKE_SYSTEM_NAME Linux' "CMAKE_SYSTEM_PROCESSOR ${CMAKE_PROCESSOR}" \
        "CMAKE_C_COMPILER ${TRIPLET}-gcc" "CMAKE_CXX_COMPILER ${TRIPLET}-g++" \
        "CMAKE_LIBRARY_ARCHITECTURE ${MULTIARCH}" "PKG_CONFIG_EXECUTABLE ${TRIPLET}-pkg-config" \
        "CMAKE_FIND_ROOT_PATH /usr/${TRIPLET} /" 'CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER' \
        > "${TRIPLET}.cmake" \
    && printf '%s\n' '[binaries]' "c = '${TRIPLET}-gcc'" "cpp = '${TRIPLET}-g++'" \
        "ar = '${TRIPLET}-ar'" "strip = '${TRIPLET}-strip'" \
        "pkg-config = '${TRIPLET}-pkg-config'" '[host_machine]' "system = 'linux'" \
        "cpu_family = '${MESON_CPU%% *}'" "cpu = '${CMAKE_PROCESSOR}'" \
        "endian = '${MESON_CPU##* }'" > "${TRIPLET}.meson"
