#!/bin/sh
# Installs Debian packages: install.sh PACKAGE…, some of them perhaps for a foreign CPU.
set -eu
command -v apt-get > /dev/null || {
    echo "this image has no apt-get: packages and build_packages are Debian's" >&2
    exit 1
}

update() { apt-get -o APT::Update::Error-Mode=any -o Acquire::Retries=2 update; }
install() { apt-get install -y --no-install-recommends "$@"; }

if update; then
    install "$@"
    exit
fi

# A mirror can hold a new index for some CPUs and an old one for others, which apt refuses. Under
# the release's other name it may still hold one state that is whole. Packages of two CPUs must
# have the same version, so what is installed has to follow it, down too.
. /etc/os-release
echo "the indices for $VERSION_CODENAME are not of one state; trying those for stable" >&2
name=$VERSION_CODENAME
# Its updates are no part of that state. A list has a source a line, a .sources file a paragraph.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$list" ] || sed -i -e "/ $name-/d" -e "s/ $name / stable /" "$list"
done
for list in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$list" ] || sed -i -e "/^Suites:/ s/ $name-[a-z-]*//g" -e "/^Suites:/ s/ $name/ stable/" \
        -e "s/^Suites: *$/Suites: stable\nEnabled: no/" "$list"
done
update
lists=$(apt-config shell lists Dir::State::lists/d) && eval "$lists"
for release in "${lists%/}"/*_stable_InRelease; do
    grep -qx "Codename: $VERSION_CODENAME" "$release" || {
        echo "stable is not $VERSION_CODENAME any more" >&2
        exit 1
    }
done
printf 'Package: *\nPin: release o=Debian\nPin-Priority: 1001\n' > /etc/apt/preferences.d/crossgate
install --allow-downgrades "$@"
