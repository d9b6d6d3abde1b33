"""What a build gets so that its steps are noted, and where base's manifest is looked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fixtures.against import revision
from fixtures.against.revision import Revision
from fixtures.building import launcher
from fixtures.building.job import Steps
from fixtures.core.errors import ManifestError
from fixtures.engine.spec import ContainerSpec


def said(command: str, **given: str) -> str:
    """What a build's command says with these variables of its image."""
    spec = ContainerSpec(
        image="i", target="t", ttl_s=1, cpus=1, memory_bytes=1, processes=1
    )  # fmt: skip
    steps = Steps(
        spec=spec, tree="/", stage="", command=command, lists={}, environment={},
        path=launcher.BIN, appended=launcher.appended(),
    )  # fmt: skip
    done = subprocess.run(
        [*steps.shell, steps.command],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def test_what_the_image_sets_stays() -> None:
    """The launcher is told to go behind what is in GOFLAGS, and is first on PATH."""
    own = f"-toolexec={launcher.PLACE}/launcher"

    assert said('echo "$GOFLAGS"') == own
    assert said('echo "$GOFLAGS"', GOFLAGS="-mod=vendor -v") == f"-mod=vendor -v {own}"
    assert said('echo "$PATH"').startswith(f"{launcher.BIN}:")


def test_a_manifest_is_looked_for_where_it_is(tmp_path: Path) -> None:
    """A link within the repository stays one; one out of it has no counterpart at base."""
    top = tmp_path / "top"
    (top / "sub").mkdir(parents=True)
    for file in (top / "crossgate.toml", tmp_path / "outside.toml"):
        file.write_text("", "utf-8")
    (top / "sub" / "inner.toml").symlink_to(top / "crossgate.toml")
    (top / "sub" / "outer.toml").symlink_to(tmp_path / "outside.toml")
    (tmp_path / "door").symlink_to(top)
    at = Revision(asked="main", branch="b", commit="c", top=top)

    assert revision.place(at, top / "crossgate.toml") == Path("crossgate.toml")
    assert revision.place(at, top / "sub" / "inner.toml") == Path("sub/inner.toml")
    assert revision.place(at, tmp_path / "door" / "crossgate.toml") == Path("crossgate.toml")
    with pytest.raises(ManifestError, match="outside the repository"):
        revision.place(at, top / "sub" / "outer.toml")
