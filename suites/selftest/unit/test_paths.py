"""Temporary folders: plainly named, gone with their block, swept when their process died."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures import paths
from suites.selftest.harness import ROOT, environment


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_scratch_folder_has_a_plain_name_and_goes_with_its_block(cache: Path) -> None:
    """Tools that are given the folder meet no character that means something to them."""
    with paths.scratch("base") as folder:
        inside = re.fullmatch(r"[A-Za-z0-9_-]+", folder.name)

        assert inside, folder.name
        assert paths.sweep_scratch() == 0
        assert folder.is_dir()

    assert not folder.exists()


def test_what_a_killed_process_left_is_swept(cache: Path) -> None:
    """A folder whose process is gone is removed, and nothing else is."""
    script = (
        "import os, signal\nfrom fixtures import paths\n"
        "with paths.scratch('base'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment(), check=False)
    left = list((cache / "scratch").iterdir())
    (cache / "scratch" / "somebody's").mkdir()

    assert len(left) == 1
    assert paths.sweep_scratch() == 1
    assert [each.name for each in (cache / "scratch").iterdir()] == ["somebody's"]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    """An error before the end leaves the old content, and nothing beside it."""
    file = tmp_path / "record.json"
    paths.write_atomically(file, "old")
    with pytest.raises(RuntimeError), paths.atomic(file) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise RuntimeError

    assert file.read_text() == "old"
    assert list(tmp_path.glob("*.part")) == list(tmp_path.glob(".*.part")) == []
