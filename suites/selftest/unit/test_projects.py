"""The projects that the bundled manifests build: what is said of them twice is the same."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

import pytest

from fixtures.core import manifest
from suites.selftest.harness import ROOT

DROPCOMPRESS: Final = ROOT / "suites" / "projects" / "dropcompress"
REGISTRY: Final = "registry+https://github.com/rust-lang/crates.io-index"


def _toml(name: str) -> dict[str, Any]:
    return tomllib.loads((DROPCOMPRESS / name).read_text("utf-8"))


def test_dropcompress_takes_crates_from_the_registry_alone() -> None:
    """The lock file names cargo's own registry, by the name that cargo gives it, or the folder."""
    crates = _toml("Cargo.lock")["package"]
    registered = [crate for crate in crates if "source" in crate]

    assert {crate["source"] for crate in registered} == {REGISTRY}
    assert all(re.fullmatch("[0-9a-f]{64}", crate["checksum"]) for crate in registered)
    assert {crate["name"] for crate in crates if "source" not in crate} == {
        "appimage-runtime",
        "dropcompress",
        "jxl-sys",
    }


def test_the_package_asks_for_the_glibc_that_is_claimed() -> None:
    """The Debian package depends on the newest glibc that the policy lets its program need."""
    policy = _toml("crossgate.toml")["defaults"]["policy"]
    control = (DROPCOMPRESS / "packaging" / "control.in").read_text("utf-8")

    assert f"libc6 (>= {policy['glibc']})" in control


def test_the_everyday_change_fits() -> None:
    """The change that each of its projects names is found once in the file that it names."""
    raw = (DROPCOMPRESS / "crossgate.toml").read_bytes()
    loaded = manifest.load(raw, "crossgate.toml").projects

    assert {project.name for project in loaded} == {"dropcompress", "droplite", "dropdaily"}
    for project in loaded:
        assert project.change is not None
        file = DROPCOMPRESS / project.change.file
        assert b"IN (7) is" in project.change.apply(file.read_bytes(), 7)


@pytest.mark.parametrize("file", sorted(ROOT.glob("suites/projects/*/go.mod")), ids=str)
def test_go_modules_are_pinned(file: Any) -> None:
    """What a Go project requires has both of its sums in go.sum."""
    required = re.findall(r"^(?:require )?\s*(\S+) (v\S+)$", file.read_text("utf-8"), re.MULTILINE)
    sums = file.with_name("go.sum").read_text("utf-8")

    assert required
    for module, version in required:
        assert f"{module} {version} h1:" in sums
        assert f"{module} {version}/go.mod h1:" in sums
