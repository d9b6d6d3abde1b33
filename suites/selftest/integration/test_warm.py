"""The ways to build: what each uses again, and that nothing of it gets into a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.building import layout
from fixtures.engine import setup
from fixtures.engine.spec import ContainerSpec
from suites.selftest.harness import FOREIGN, NATIVE, Result, manifest_text, project, run_gate

pytestmark = pytest.mark.integration

FILES: Final = {
    "Makefile": "demo: main.o libdep.a\n\t$(CC) -o $@ main.o libdep.a\n"
    "main.o: main.c\n\t$(CC) $(FLAGS) -c -o $@ main.c\n"
    "libdep.a: dep/dep.c\n\t$(CC) -c -o dep.o dep/dep.c\n\tar rcs $@ dep.o\n",
    "main.c": "#include <stdio.h>\nint dep(void);\nint n = 0;\n"
    'int main(void) { return printf("dep %d, n %d\\n", dep(), n) < 0; }\n',
    "dep/dep.c": "int dep(void) { return 1; }\n",
}
DEMO: Final[dict[str, object]] = {
    "architectures": [NATIVE],
    "build": "make CC={cc}",
    "artifacts": ["demo"],
    "smoke": "{artifact}",
    "dependencies": {
        "files": ["Makefile", "dep/*"],
        "build": "make CC={cc} libdep.a",
        "keep": ["libdep.a", "dep.o"],
    },
    "change": {"file": "main.c", "find": "int n = 0;", "replace": "int n = {n};"},
}
TARGET: Final = f"demo-{NATIVE}-gcc"


def demo(folder: Path, files: dict[str, str] | None = None, **keys: object) -> Path:
    """A program of two files, one of which it calls its dependency."""
    text = manifest_text({"demo": {**DEMO, **keys}})
    return project(folder / "demo", text, {**FILES, **(files or {})})


def edit(folder: Path, name: str, old: str, new: str) -> None:
    """Change a file as its author would."""
    file = folder / name
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def build(folder: Path, *options: str) -> tuple[Result, dict[str, Any]]:
    """A run that builds the target and passes, and its record."""
    result = run_gate(folder, "-n", "0", *options)

    assert result.exit_code == 0, result.output
    return result, record_of(folder)


def record_of(folder: Path, target: str = TARGET) -> dict[str, Any]:
    """The record that a run left."""
    out = folder.parent / f"{folder.name}-out" / "records" / target
    document: dict[str, Any] = json.loads((out / "record.json").read_bytes())
    return document


def compiled(folder: Path) -> list[str]:
    """What the last build compiled or linked, by the names of what came out."""
    log = folder.parent / f"{folder.name}-out" / "records" / TARGET / "build.log"
    lines = [line.split() for line in log.read_text("utf-8").splitlines() if " -o " in line]
    return [words[words.index("-o") + 1] for words in lines]


def said(record: dict[str, Any]) -> str:
    """What the program printed in the smoke test, whose output a record has of failures alone."""
    return str(record["artifacts"][0]["sha256"])


def volumes() -> set[str]:
    """The names of the volumes that there are."""
    from fixtures.engine.client import Engine

    engine = Engine(setup.ensure(print).address)
    try:
        return {name for name, _ in engine.volumes.all()}
    finally:
        engine.close()


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    """What a test's builds keep for later ones goes with the test."""
    from fixtures.engine.client import Engine

    before = volumes()
    yield
    engine = Engine(setup.ensure(print).address)
    try:
        for name, _ in engine.volumes.all():
            if name not in before:
                engine.volumes.remove(name)
    finally:
        engine.close()


def in_volumes(names: set[str], script: str) -> None:
    """Run a script of root's in each of some volumes."""
    from fixtures.engine.client import Engine

    engine = Engine(setup.ensure(print).address)
    output = bytearray()
    try:
        image = next(tag for _, tags, _ in engine.images.all() for tag in tags if "/gcc-" in tag)
        for name in names:
            spec = ContainerSpec(
                image=image,
                target="a test",
                ttl_s=120,
                cpus=1,
                memory_bytes=512 * 1024**2,
                processes=64,
                named={name: "/volume"},
            )
            with engine.start(spec) as container:
                container.exec(
                    ["sh", "-e", "-c", script],
                    user="0:0",
                    workdir="/volume",
                    sink=output.extend,
                    deadline_s=60,
                )
    finally:
        engine.close()
    assert names
    assert not output, output


def test_daily_work_builds_only_what_changed(tmp_path: Path) -> None:
    """Warm, one changed file is one compilation; cold again, everything is, and it says why."""
    folder = demo(tmp_path, budget={"cpu_time": "10 min", "rebuild_time": "10 min"})
    _, first = build(folder, "--warm")
    edit(folder, "main.c", "int n = 0;", "int n = 7;")
    warm, second = build(folder, "--warm")
    built = compiled(folder)
    again, _ = build(folder, "--warm")
    edit(folder, "main.c", "int n = 7;", "int n = 0; /* and 7 */")
    cold, third = build(folder)

    assert first["ways"]["workspace"] == "new"
    assert (second["ways"]["workspace"], second["ways"]["changed_files"]) == ("kept", 1)
    assert second["ways"]["cache"]["tool"] == "ccache"
    assert built == ["main.o", "demo"]
    # Nothing is said of a warm build's time, and nothing that it did is done again.
    assert warm.verdicts(TARGET)["cpu_time"] == "not applicable"
    assert warm.verdicts(TARGET)["rebuild_time"] == "not applicable"
    assert "reused" in again.output
    assert compiled(folder) == ["main.o", "dep.o", "demo"]
    assert third["conditions"]["caches"] == "cold"
    assert cold.verdicts(TARGET)["cpu_time"] == "pass"
    assert cold.verdicts(TARGET)["rebuild_time"] == "pass"


def test_a_cold_run_builds_again_what_was_built_warm(tmp_path: Path) -> None:
    """A gate's verdict is never that of a build which used what an earlier one had left."""
    folder = demo(tmp_path)
    build(folder, "--warm")
    build(folder, "--warm", "--fresh")
    _, warm = build(folder, "--warm")
    _, cold = build(folder)

    assert warm["conditions"]["caches"] == "warm"
    assert (cold["conditions"]["caches"], cold["ways"]["workspace"]) == ("cold", "fresh")


def test_every_mount_builds_the_same(tmp_path: Path) -> None:
    """Bind, volume and copy differ in how the source comes in, and in nothing that comes out."""
    folder = demo(tmp_path)
    made = {}
    for mount in ("copy", "bind", "volume"):
        _, record = build(folder, "--fresh", "--mount", mount)
        made[mount] = said(record)

        assert record["ways"]["mount"] == mount
        assert record["conditions"]["caches"] == "cold"
    edit(folder, "main.c", "int n = 0;", "int n = 9;")
    _, changed = build(folder, "--mount", "volume")
    _, copied = build(folder, "--fresh", "--mount", "copy")

    assert len(set(made.values())) == 1
    assert changed["ways"]["changed_files"] == 1
    assert said(changed) == said(copied) != made["copy"]


def test_staged_dependencies_are_built_once(tmp_path: Path) -> None:
    """They are made of the declared files alone, used until these change, and then made again."""
    folder = demo(tmp_path)
    options = ("--dependencies", "staged")
    _, made = build(folder, *options)
    first = compiled(folder)
    edit(folder, "main.c", "int n = 0;", "int n = 2;")
    _, staged = build(folder, *options)
    second = compiled(folder)
    edit(folder, "dep/dep.c", "return 1", "return 3")
    _, anew = build(folder, *options)
    _, plain = build(folder, "--fresh")

    assert [each["ways"]["dependencies"] for each in (made, staged, anew, plain)] == [
        "made",
        "staged",
        "made",
        "built",
    ]
    assert first == second == ["main.o", "demo"]
    assert said(anew) == said(plain)


def test_dependencies_that_do_not_build_fail_as_builds_do(tmp_path: Path) -> None:
    """What staging said is quoted, and the key to look at is its own."""
    dependencies = {"files": ["Makefile"], "build": "echo no luck; exit 3", "keep": ["x"]}
    result = run_gate(
        demo(tmp_path, dependencies=dependencies), "-n", "0", "--dependencies", "staged"
    )
    claim = result.claims(TARGET)["built"]

    assert result.exit_code == 1
    assert claim["verdict"] == "fail"
    assert claim["manifest_key"] == "projects.demo.dependencies.build"
    assert "no luck" in claim["reason"]


def test_a_file_that_is_gone_is_gone_from_a_kept_workspace(tmp_path: Path) -> None:
    """What was taken out of the source does not linger where it was built before."""
    text = FILES["Makefile"].replace(
        "main.c\n\t", "main.c\n\t! grep -q 'n = 4' $< || ! [ -e extra.c ]\n\t"
    )
    folder = demo(tmp_path, {"Makefile": text, "extra.c": "int extra;\n"})
    build(folder, "--warm")
    (folder / "extra.c").unlink()
    edit(folder, "main.c", "int n = 0;", "int n = 4;")
    _, record = build(folder, "--warm")

    assert record["ways"]["workspace"] == "kept"


def test_an_artifact_that_is_not_made_any_more_is_missed(tmp_path: Path) -> None:
    """What an earlier build left in a kept workspace does not stand in for what is promised."""
    text = FILES["Makefile"].replace("-o $@ main.o", "-o $@$$(cat suffix) main.o")
    folder = demo(tmp_path, {"Makefile": text, "suffix": ""})
    build(folder, "--warm")
    (folder / "suffix").write_text(".other", "utf-8")
    result = run_gate(folder, "-n", "0", "--warm")

    assert result.exit_code == 1
    assert "is not there" in result.claims(TARGET)["built"]["reason"]


def test_what_a_failed_build_made_is_not_built_upon(tmp_path: Path) -> None:
    """A file that a failing command left half written is made again, and fails again."""
    text = FILES["Makefile"] + "main.o: half.h\nhalf.h:\n\techo '#define HALF' > $@; false\n"
    folder = demo(tmp_path)
    build(folder, "--warm")
    # Brought in as another name, so that make's own file stays as it is.
    demo(tmp_path, {"rules": text}, build="make -f rules CC={cc}")
    runs = [run_gate(folder, "-n", "0", "--warm") for _ in range(2)]

    for run in runs:
        assert run.exit_code == 1
        assert "exit code 2" in run.claims(TARGET)["built"]["reason"]


def test_another_makefile_builds_all(tmp_path: Path) -> None:
    """make does not see that it is told something else, so nothing made before is believed."""
    folder = demo(tmp_path)
    build(folder, "--warm", "--cache", "none")
    edit(folder, "Makefile", "$(FLAGS) -c", "-O1 $(FLAGS) -c")
    _, record = build(folder, "--warm", "--cache", "none")

    assert record["ways"]["workspace"] == "new"
    assert compiled(folder) == ["main.o", "dep.o", "demo"]


def test_a_file_of_the_time_to_come_is_not_newer_for_ever(tmp_path: Path) -> None:
    """An object that says it was made in 2099 is made again when its source changes."""
    folder = demo(tmp_path, build="make CC={cc} && touch -d 2099-01-01 main.o")
    build(folder, "--warm")
    edit(folder, "main.c", "int n = 0;", "int n = 6;")
    build(folder, "--warm")

    assert "main.o" in compiled(folder)


def test_a_workspace_that_a_build_led_elsewhere_is_emptied(tmp_path: Path) -> None:
    """Where a build put links in the place of folders, nothing of root's doing follows them."""
    lead = "mv dep gone; ln -s /usr/local/bin dep; mv /work/src /work/x || true"
    folder = demo(tmp_path, build=f"make CC={{cc}}; if [ -e go ]; then {lead}; fi")
    build(folder, "--warm")
    (folder / "go").write_text("", "utf-8")
    build(folder, "--warm")
    (folder / "go").unlink()
    edit(folder, "dep/dep.c", "return 1", "return 2")
    (folder / "dep" / "chmod").write_text("#!/bin/sh\nid > /tmp/was\n", "utf-8")
    (folder / "dep" / "chmod").chmod(0o755)
    _, warm = build(folder, "--warm")
    _, cold = build(folder)

    assert said(warm) == said(cold)


def test_a_header_that_comes_before_another_is_seen(tmp_path: Path) -> None:
    """A compiler cache knows of a new file that is found earlier than the one it knew."""
    text = FILES["Makefile"].replace("$(FLAGS)", "-Ia -Ib")
    main = '#include "v.h"\nint dep(void);\nint main(void) { return dep() - V; }\n'
    files = {"Makefile": text, "main.c": main, "b/v.h": "#define V 1\n", "a/x.h": ""}
    change = {"file": "main.c", "find": "V;", "replace": "V; /* {n} */"}
    folder = demo(tmp_path, files, change=change)
    build(folder, "--cache", "ccache")
    (folder / "a" / "v.h").write_text("#define V 2\n", "utf-8")
    result = run_gate(folder, "-n", "0", "--cache", "ccache")

    assert result.verdicts(TARGET)["smoke"] == "fail"


def test_what_was_built_warm_first_is_measured_when_it_is_cold(tmp_path: Path) -> None:
    """A first build that filled a cache is no cold one: times are taken of one that used none."""
    folder = demo(tmp_path, budget={"cpu_time": "10 min", "rebuild_time": "10 min"})
    warm, _ = build(folder, "--warm")
    cold, record = build(folder)

    assert warm.verdicts(TARGET)["cpu_time"] == "not applicable"
    assert cold.verdicts(TARGET)["cpu_time"] == "pass"
    assert cold.verdicts(TARGET)["rebuild_time"] == "pass"
    assert record["rebuild"]["cpu_s"] > 0


def test_tests_that_are_stopped_fail_and_nothing_else_does(tmp_path: Path) -> None:
    """A container that is gone because tests ran too long is no engine's failure."""
    folder = demo(tmp_path, test="sleep 600", timeout="8 s", budget={"rebuild_time": "10 min"})
    for options in (("--warm",), ()):
        verdicts = run_gate(folder, "-n", "0", *options).verdicts(TARGET)

        assert verdicts["built"] == "pass"
        assert verdicts["test"] == "fail"
        assert "error" not in verdicts.values()


def test_a_rebuild_that_makes_nothing_again_fails(tmp_path: Path) -> None:
    """A change that changes nothing would measure nothing, and pass any budget."""
    folder = demo(tmp_path, build="test -f demo || make CC={cc}", budget={"rebuild_time": "10 min"})
    claim = run_gate(folder, "-n", "0").claims(TARGET)["rebuild_time"]

    assert claim["verdict"] == "fail"
    assert "made no difference" in claim["reason"]


def test_a_cache_that_the_toolchain_has_not_is_refused(tmp_path: Path) -> None:
    """A cache of another toolchain would do nothing, or break the build: it is named at once."""
    result = run_gate(demo(tmp_path), "-n", "0", "--cache", "sccache")

    assert result.exit_code == 4
    assert 'its own is "ccache"' in result.output


@pytest.mark.parametrize(
    "keys",
    [
        {"build": "make CC={cc} FLAGS=-O2"},
        {"environment": ["FLAGS=-O3"]},
        {"packages": ["zlib1g-dev"]},
    ],
    ids=["flags", "environment", "image"],
)
def test_another_flag_variable_or_image_starts_from_nothing(
    tmp_path: Path, keys: dict[str, Any]
) -> None:
    """A kept workspace holds for one recipe, environment and image: with another it is empty."""
    folder = demo(tmp_path)
    build(folder, "--warm", "--cache", "none")
    demo(tmp_path, **keys)
    _, record = build(folder, "--warm", "--cache", "none")

    assert record["ways"]["workspace"] == "new"
    assert compiled(folder) == ["main.o", "dep.o", "demo"]


POISONS: Final = {
    # Each with the volume that it is put in, and what is to be said of it.
    "swapped": (
        "cache",
        "set -- $(find data -name '*R' | head -n 2); cat $1 > /tmp/x; cat $2 > $1; cat /tmp/x > $2",
        "were not as a build had left them",
    ),
    "added": ("cache", "echo odd > data/odd-entryR", "were not as a build had left them"),
    "linked": ("cache", "ln -s /etc/passwd data/link", None),
    "workspace": (
        "workspace",
        "set -- src/dep.o; touch -r $1 /tmp/t; echo odd >> $1; touch -r /tmp/t $1",
        "was not as a build had left it",
    ),
    "dependencies": ("dependencies", "echo odd >> kept.tar", "were staged again"),
}


@pytest.mark.parametrize("name", POISONS)
def test_what_was_tampered_with_is_noticed_and_not_used(tmp_path: Path, name: str) -> None:
    """Whatever is done to a volume between two builds, the second makes what a cold one makes."""
    kind, script, words = POISONS[name]
    folder = demo(tmp_path)
    options = {
        "cache": ("--cache", "ccache"),
        "workspace": ("--workspace", "kept"),
        "dependencies": ("--dependencies", "staged"),
    }[kind]
    before = volumes()
    _, honest = build(folder, *options)
    in_volumes({each for each in volumes() - before if f"-{kind}-" in each}, script)
    result, poisoned = build(folder, *options, "--fresh")
    _, cold = build(folder, "--fresh")

    assert said(poisoned) == said(honest) == said(cold)
    if words:
        assert words in result.claims(TARGET)["built"]["reason"]


def test_a_build_that_rewrites_its_cache_is_found_out(tmp_path: Path) -> None:
    """A build may add to the cache; what others had written and it changed is removed."""
    folder = demo(tmp_path)
    _, honest = build(folder, "--cache", "ccache")
    spoil = "find /crossgate-cache/data -name '*R' -exec sh -c 'echo odd >> $0' '{{}}' ';'"
    demo(tmp_path, build=f"make CC={{cc}} && {spoil}")
    result, _ = build(folder, "--cache", "ccache")
    demo(tmp_path)
    _, after = build(folder, "--cache", "ccache", "--fresh")

    assert "this build changed" in result.claims(TARGET)["built"]["reason"]
    assert said(after) == said(honest)
    # Nothing was left to be hit.
    assert after["ways"]["cache"]["hits"] == 0


def test_a_workspace_in_which_a_build_was_stopped_is_emptied(tmp_path: Path) -> None:
    """What was half written when time ran out is not built upon."""
    text = FILES["Makefile"].replace("main.c\n\t", "main.c\n\t! [ -e slow ] || sleep 600\n\t")
    folder = demo(tmp_path, {"Makefile": text}, timeout="10 s")
    build(folder, "--warm")
    (folder / "slow").write_text("", "utf-8")
    edit(folder, "main.c", "int n = 0;", "int n = 5;")
    stopped = run_gate(folder, "-n", "0", "--warm")
    (folder / "slow").unlink()
    result, record = build(folder, "--warm")

    assert stopped.exit_code == 1
    assert "ran longer than its limit" in stopped.claims(TARGET)["built"]["reason"]
    assert record["ways"]["workspace"] == "new"
    assert "was not as a build had left it" in result.claims(TARGET)["built"]["reason"]


def test_a_rebuild_over_its_budget_fails(tmp_path: Path) -> None:
    """A budget that no rebuild can keep fails, with the share of the cold build that it took."""
    folder = demo(tmp_path, budget={"rebuild_time": "1 ms"})
    result = run_gate(folder, "-n", "0")
    claim = result.claims(TARGET)["rebuild_time"]

    assert result.exit_code == 1
    assert claim["verdict"] == "fail"
    assert "of the cold build" in claim["reason"]
    assert claim["manifest_key"] == "projects.demo.budget.rebuild_time"


def test_a_change_that_fits_nowhere_fails_its_claim_alone(tmp_path: Path) -> None:
    """Where the text to be changed is gone the rebuild fails, and says what was looked for."""
    change = {"file": "main.c", "find": "int m = 0;", "replace": "int m = {n};"}
    folder = demo(tmp_path, change=change, budget={"rebuild_time": "10 min"})
    result = run_gate(folder, "-n", "0")
    verdicts = result.verdicts(TARGET)

    assert (verdicts["built"], verdicts["rebuild_time"]) == ("pass", "fail")
    assert "found it 0 times" in result.claims(TARGET)["rebuild_time"]["reason"]


def test_foreign_builds_are_cached_too(tmp_path: Path) -> None:
    """A cross compiler is cached by its own name, and what came from the cache is the same."""
    folder = demo(tmp_path, architectures=[FOREIGN])
    target = f"demo-{FOREIGN}-gcc"
    run_gate(folder, "-n", "0", "--cache", "ccache")
    first = record_of(folder, target)
    result = run_gate(folder, "-n", "0", "--cache", "ccache", "--fresh")
    second = record_of(folder, target)

    assert result.exit_code == 0, result.output
    assert (first["ways"]["cache"]["misses"], second["ways"]["cache"]["misses"]) == (2, 0)
    assert second["ways"]["cache"]["hits"] == 2
    assert said(first) == said(second)
    assert layout.CACHE not in json.dumps(second["artifacts"])
