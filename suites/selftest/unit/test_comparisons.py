"""The rows of published figures: what is in them, and what is refused."""

from __future__ import annotations

import re

import pytest

from fixtures.core import comparisons, manifest
from fixtures.core.comparisons import Comparison
from fixtures.core.errors import ManifestError

ROWS = tuple(comparisons.comparisons().values())
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.name))

ROW = """
[row]
says = "it saves {published}"
published = [30, 40]
unit = "saved"
measured = "cpu"
why = "because"
way = { architecture = "host", mount = "volume" }
alternative = { architecture = "host", mount = "bind" }
sources = [{ url = "https://example.org/", says = "30 to 40 %" }]
"""


def _load(text: str) -> Comparison:
    return comparisons.load(text.encode(), "rows.toml")["row"]


def test_every_figure_of_the_advice_has_a_row() -> None:
    """Emulation, volumes, WSL, sccache, staged layers, the best rebuild and parallel jobs."""
    shown = {row.name: row.published for row in ROWS}

    assert shown["emulation"] == "10 to 50 ×"
    assert shown["emulation-in-user-mode"] == "4 to 15 ×"
    assert shown["volume"] == "30 to 40 %"
    assert shown["wsl"] == "20 to 30 %"
    assert shown["sccache"] == "50 to 80 %"
    assert shown["staged-dependencies"] == "60 to 70 %"
    assert shown["incremental-workspace"] == "80 %"
    assert {"cross", "cached", "parallel-architectures", "cpus", "ccache"} <= set(shown)


@each_row
def test_a_row_says_where_its_figure_is_from(row: Comparison) -> None:
    """Each row has sources, each an address and what is said there."""
    assert row.sources
    assert all(source.url.startswith(("http://", "https://")) for source in row.sources)
    assert all(source.says for source in row.sources)


@each_row
def test_a_row_names_its_figure_in_its_own_unit(row: Comparison) -> None:
    """What a row says has the figure with its sign, which is the unit that it is judged in."""
    assert row.claim.count(row.published) == 1
    assert row.published.endswith({"factor": " ×", "saved": " %"}[row.unit])
    assert re.fullmatch(r"[a-z][a-z0-9-]*", row.name)


@each_row
def test_a_row_says_why_cpu_or_wall(row: Comparison) -> None:
    """What parallel builds, CPUs and mounts bring is waiting; all else is the CPU's work."""
    waits = {"volume", "wsl", "parallel-architectures", "cpus"}

    assert row.measured == ("wall" if row.name in waits else "cpu")
    assert row.why


@each_row
def test_the_sides_of_a_row_differ_in_one_thing(row: Comparison) -> None:
    """What is held against each other differs in one key, so that nothing else can be the cause."""
    one, other = vars(row.way), vars(row.alternative)
    differing = {key for key in one if one[key] != other[key]}

    assert len(differing - {"architecture"}) == 1, differing


@each_row
def test_a_warm_way_has_something_to_find_and_something_to_do(row: Comparison) -> None:
    """Where caches are warm, they are filled first, and a change is made before each build."""
    if row.way.caches == "warm":
        assert row.warm
        assert row.change
    assert row.alternative.caches == "cold"


def test_rows_that_measure_the_same_share_it() -> None:
    """The two figures for emulation are judged by the same builds, the others by their own."""
    experiments = {row.name: row.experiment for row in ROWS}

    assert experiments["emulation"] == experiments["emulation-in-user-mode"]
    assert len(set(experiments.values())) == len(ROWS) - 1


def test_a_saving_is_a_ratio() -> None:
    """What saves half takes half as long; a factor is what it says."""
    row = _load(ROW.replace("[30, 40]", "[50, 80]"))

    assert list(row.ratios) == pytest.approx([2, 5])
    assert row.shown(2, 5) == "50 to 80 %"
    assert _load(ROW.replace('"saved"', '"factor"')).ratios == (30, 40)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[30, 40]", "[40, 30]", "low end first"),
        ("[30, 40]", "[30, 100]", "below 100"),
        ("[30, 40]", "[0, 40]", "above 0"),
        ("[30, 40]", "[30]", "low and the high end"),
        ("[30, 40]", '["30", 40]', "expected a number"),
        ('"saved"', '"seconds"', '"factor" or "saved"'),
        ('"cpu"', '"user"', '"cpu" or "wall"'),
        ("{published}", "40 %", "{published}"),
        ('mount = "bind"', 'mount = "volume"', "another side"),
        ('mount = "bind"', 'cache = "sccache"', "cold side"),
        ('mount = "volume"', 'workspace = "kept"', 'prepare = "warm"'),
        ('mount = "volume"', 'mounts = "volume"', 'did you mean "mount"'),
        ('architecture = "host", mount = "bind"', 'mount = "bind"', '"architecture" is missing'),
        ("https://example.org/", "a colleague", "public document"),
        ('why = "because"', "", '"why" is missing'),
        ("[row]", "[row", "not valid TOML"),
        (ROW, "", "no comparison"),
    ],
)
def test_a_wrong_row_is_refused(old: str, new: str, said: str) -> None:
    """A mistake in a row is one error that names the file, and the key where there is one."""
    with pytest.raises(ManifestError, match=re.escape(said)) as caught:
        _load(ROW.replace(old, new, 1))

    assert str(caught.value).startswith("rows.toml")


def test_a_row_is_asked_for_by_name() -> None:
    """Names choose rows in the table's order; one that is none gets the nearest that is."""
    rows = comparisons.comparisons()

    assert [row.name for row in comparisons.named(("cpus", "cross"), rows)] == ["cross", "cpus"]
    assert comparisons.named((), rows) == ROWS
    with pytest.raises(ManifestError, match='did you mean "emulation"'):
        comparisons.named(("emulatoin",), rows)


def test_the_bundled_manifest_can_be_measured() -> None:
    """The project that is measured by default exists in the bundled matrix."""
    loaded = manifest.load(
        (comparisons.FILE.parents[2] / "crossgate.toml").read_bytes(), "crossgate.toml"
    )

    assert "pigz" in [project.name for project in loaded.projects]
