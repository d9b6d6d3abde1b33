"""The laboratory's guest, really booted: small counts, real 9P and VirtioFS, and an end in time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from fixtures.bench import laboratory
from fixtures.core.errors import InfrastructureError
from fixtures.core.laboratory import tables
from fixtures.core.laboratory.tables import OPERATIONS
from fixtures.engine import setup
from fixtures.engine.client import Engine
from fixtures.engine.labels import TARGET
from suites.selftest.harness import ROOT, TIMEOUT_S, environment

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SMALL: Final = ("--rounds", "3", "--files", "40", "--large", "2 MiB", "--sources", "2")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The engine that the guest's container runs on."""
    found = Engine(setup.find().address)
    yield found
    found.close()


def _left(engine: Engine) -> list[str]:
    return [id for id, labels in engine.containers() if labels.get(TARGET) == "bench mounts"]


def test_a_guest_measures_real_mounts_and_powers_off(tmp_path: Path, engine: Engine) -> None:
    """Every operation in every place, three times; 9P and VirtioFS are what the guest's kernel
    says they are, the build's program runs from each, and no container is left."""
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'crossgate'\n"
    code += "from fixtures.cli.main import main; sys.exit(main())"
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-c", code, str(ROOT), "bench", "mounts", *SMALL),
            *("--time-limit", "7 min", "--folder", str(tmp_path)),
        ],
        cwd=ROOT,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "mounts.json").read_text())

    assert found["ended"]
    assert set(found["guest"]["mounts"]) == set(tables.places())
    assert "trans=virtio" in found["guest"]["mounts"]["9p"]
    measured = [{(each["place"], each["operation"]) for each in one} for one in found["rounds"]]
    everything = {(place, operation) for place in tables.places() for operation in OPERATIONS}
    assert measured == [everything] * 3
    # A file that is asked for across the border takes longer than one that is not.
    factors = {(each["operation"], each["place"]): each["ratio"] for each in found["factors"]}
    assert factors["small-files", "9p"] > 1, done.stdout
    assert factors["small-files", "virtiofs"] > 1, done.stdout
    assert {each["name"] for each in found["claims"]} == {row.name for row in tables.claims()}
    assert all(claim.name in done.stdout for claim in tables.claims())
    assert (tmp_path / "mounts.md").is_file()
    assert _left(engine) == []


def test_a_guest_that_finds_no_end_is_ended(engine: Engine) -> None:
    """One that would measure for hours powers off by itself soon after its time, and what it did
    not finish is no measurement; nothing of it is left."""
    plan = laboratory.Plan(rounds=1, files=10_000_000, large_bytes=1024**2, sources=1, seconds=1)
    with pytest.raises(InfrastructureError, match="the laboratory measured nothing: the guest"):
        laboratory.run(engine, plan, print)

    assert _left(engine) == []
