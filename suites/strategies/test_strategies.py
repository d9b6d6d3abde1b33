"""Each published figure of ways to build can be measured here, or it is said why it can't.

Whether a figure holds is a finding and no failure; `crossgate bench strategies` measures it to
the end, and on a project of one's own.
"""

from __future__ import annotations

import pytest

from fixtures.bench.building import Builds
from fixtures.bench.kept import Kept
from fixtures.bench.rounds import Limits, Session
from fixtures.core import comparing, comparisons, sequential
from fixtures.core.comparing import Finding
from fixtures.core.comparisons import Comparison

LIMIT_S = 300.0


@pytest.mark.strategies
@pytest.mark.parametrize("row", comparisons.comparisons().values(), ids=lambda row: str(row.name))
def test_a_published_figure_is_measured(
    row: Comparison, builds: Builds, kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both ways build, are what they were to be, and are held against the figure."""
    session = Session(
        rows=[row],
        kind=builds.machine.kind,
        builder=builds,
        kept=kept,
        limits=Limits(seconds=LIMIT_S, max_pairs=sequential.LEAST_PAIRS),
        say=print,
    )
    session.run()
    (result,) = session.results()

    assert not session.failed, result.reason
    if result.finding is Finding.OTHER_HOST or not result.pairs:
        pytest.skip(f"{result.finding}: {result.reason}")
    with capsys.disabled():
        print(
            f"\n{row.name}: {row.published} published, {comparing.words(result)}: {result.finding}"
        )
    assert result.estimate is not None
    assert result.estimate.low <= result.estimate.value <= result.estimate.high
