"""What packages call CPUs is told in Crossgate's names, and no word is misread."""

from __future__ import annotations

import pytest

from fixtures.core import rows
from fixtures.inspection.containers import declared


@pytest.mark.parametrize(
    ("name", "architectures"),
    [
        ("tool-1.2-linux-arm64.tar.gz", ["arm64"]),
        ("tool_aarch64", ["arm64"]),
        ("tool-x86_64-unknown-linux-musl.zip", ["amd64"]),
        ("tool-v1.2.3-x86_64-v3", ["amd64"]),
        ("Tool-x86_64.AppImage", ["amd64"]),
        ("tool_linux_amd64_v1.tgz", ["amd64"]),
        ("tool-linux-x64.zip", ["amd64"]),
        ("tool-linux-x86.zip", ["386"]),
        ("tool_1.0_linux_386.zip", ["386"]),
        ("tool-i686-linux", ["386"]),
        ("tool-linux-arm", ["armv7"]),
        ("tool-linux-armv7l.tar.xz", ["armv7"]),
        ("tool-arm-v7", ["armv7"]),
        ("tool-armhf.deb.txt", ["armv7"]),
        ("tool-armv6", [None]),
        ("tool-ppc64le", ["ppc64le"]),
        ("tool-ppc64", ["ppc64"]),
        ("tool-armel", ["armv5"]),
        ("tool-arm-unknown-linux-musleabi", ["armv5"]),
        ("tool-arm-unknown-linux-musleabihf", ["armv7"]),
        ("tool-mips64", [None]),
        ("tool-1.0-alpha.tar.gz", []),
        ("tool-s390x", ["s390x"]),
        ("tool-s390", [None]),
        ("tool-riscv64gc-unknown-linux-gnu", ["riscv64"]),
        ("tool-x86_64-to-aarch64", ["amd64", "arm64"]),
        ("gcc-arm-none-eabi-10-x86_64-linux.tar.bz2", ["amd64"]),
        ("alarm-clock.zip", []),
        ("charmed64.tar", []),
        ("tool-1.386.tar", []),
        ("tool-386.2.tar", []),
        ("max86.zip", []),
        ("tool.tar.gz", []),
        ("libx64utils.a", []),
    ],
)
def test_words_of_a_file_name(name: str, architectures: list[str | None]) -> None:
    """Whole words alone count, the longest first, each architecture once."""
    found = declared.from_name(name)

    assert [each.architecture for each in found] == architectures
    assert all(each.by == "file name tag" for each in found)


@pytest.mark.parametrize("row", rows.of_linux().values(), ids=lambda row: row.name)
def test_every_row_is_known_by_all_of_its_names(row: rows.Architecture) -> None:
    """Debian's, an engine's and a compiler's names of a row lead to it."""
    says = [
        declared.debian("by", row.debian).architecture,
        declared.oci("by", row.platform).architecture,
        *(each.architecture for each in declared.from_name(f"tool-{row.triplet}.tar")),
    ]

    assert set(says) == {row.name}


@pytest.mark.parametrize(
    ("tag", "architecture"),
    [
        ("cp311-cp311-linux_aarch64", "arm64"),
        ("cp311-cp311-manylinux_2_17_x86_64", "amd64"),
        ("cp311-cp311-manylinux1_i686", "386"),
        ("cp311-cp311-musllinux_1_2_armv7l", "armv7"),
        ("cp311-abi3-manylinux2014_ppc64le", "ppc64le"),
        ("cp311-cp311-win_amd64", "amd64"),
        ("cp311-cp311-win_arm64", "arm64"),
        ("cp311-cp311-win32", "386"),
        ("cp311-cp311-macosx_11_0_arm64", "arm64"),
        ("cp311-cp311-macosx_10_9_universal2", None),
        ("py3-none-any", "any"),
        ("py3-none-toaster", None),
    ],
)
def test_tags_of_wheels(tag: str, architecture: str | None) -> None:
    """The platform is the last part of a tag; a universal wheel has no one architecture."""
    assert declared.wheel("wheel tag", tag).architecture == architecture


@pytest.mark.parametrize(
    ("platform", "architecture"),
    [
        ("linux/arm", "armv7"),
        ("linux/arm/v6", None),
        ("linux/arm64/v8", "arm64"),
        ("linux/amd64/v3", "amd64"),
        ("windows/amd64", "amd64"),
        ("unknown/unknown", None),
    ],
)
def test_platforms_of_images(platform: str, architecture: str | None) -> None:
    """A variant counts where it is another CPU, and a missing one is the usual."""
    assert declared.oci("manifest platform", platform).architecture == architecture


@pytest.mark.parametrize(
    ("name", "architecture"),
    [("x86_64", "amd64"), ("armv7hl", "armv7"), ("noarch", "any"), ("ppc64p7", None)],
)
def test_names_of_rpm(name: str, architecture: str | None) -> None:
    """RPM's names are its own, and what no row knows stays unknown."""
    assert declared.rpm("header tag ARCH", name).architecture == architecture


def test_tags_of_package_names() -> None:
    """The last part of a package's file name is its architecture; a source package has none."""
    assert declared.debian_name_tag("tool_1.0-1_all.deb")[0].architecture == "any"
    assert declared.rpm_name_tag("tool-1.0-1.s390x.rpm")[0].architecture == "s390x"
    assert declared.rpm_name_tag("tool-1.0-1.src.rpm") == []
    assert declared.debian_name_tag("tool.deb") == []
