"""GNU readelf and size are the judges: every fact of real files is what they say."""

from __future__ import annotations

import io
import platform
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.inspection.elf.facts import read_facts
from suites.selftest.readelf import comparable, shown_by_readelf, shown_by_size
from suites.selftest.unit.elf_images import IMAGES

_FOLDERS: Final = ("/usr/bin", "/usr/sbin", "/usr/lib", f"/usr/lib/{platform.machine()}-linux-gnu")
_EACH: Final = 8


def _real() -> list[Path]:
    """Some of this machine's own programs, libraries and object files, spread over the names."""
    found = []
    for folder in _FOLDERS:
        files = sorted(path for path in Path(folder).glob("*") if path.is_file())
        elves = [path for path in files if not path.is_symlink() and _is_elf(path)]
        found += elves[:: max(1, len(elves) // _EACH)][:_EACH]
        found += [path for path in elves if path.suffix == ".o"][:2]
    return sorted(set(found))


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"\x7fELF"
    except OSError:
        return False


def facts_of(file: Path) -> dict[str, Any]:
    """The facts of a file."""
    with file.open("rb") as stream:
        return read_facts(stream, file.stat().st_size)


@pytest.mark.parametrize("file", _real(), ids=lambda path: str(path.name))
def test_readelf_agrees_on_real_files(file: Path) -> None:
    """GNU readelf reads the same facts from this machine's programs, libraries and objects."""
    assert comparable(facts_of(file)) == shown_by_readelf(file)


@pytest.mark.parametrize("file", _real(), ids=lambda path: str(path.name))
def test_size_agrees_on_real_files(file: Path) -> None:
    """GNU size adds up the same text, data and bss."""
    facts, shown = facts_of(file), shown_by_size(file)

    assert {name: facts[name] for name in shown} == shown


@pytest.mark.parametrize("name", IMAGES)
def test_readelf_agrees_on_images(name: str, tmp_path: Path) -> None:
    """GNU readelf reads the same facts from the images that these tests build."""
    content, file = bytes(IMAGES[name]), tmp_path / name
    file.write_bytes(content)

    assert comparable(read_facts(io.BytesIO(content), len(content))) == shown_by_readelf(file)
