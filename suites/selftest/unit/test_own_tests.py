"""Users' own tests: `artifact` and `facts` are one for each file that the manifest names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from suites.selftest.harness import Result, run_gate
from suites.selftest.unit.elf_images import IMAGES

TESTS = '''
def test_facts(facts):
    """Of the file as it is."""
    assert facts["e_machine"] == "EM_AARCH64"


def test_artifact(target, artifact):
    """Where it lies, and what it is."""
    assert artifact.path.startswith("bin/")
    assert target.architecture.name == "arm64"


def test_build(build):
    """All files of a target at once."""
    assert build.artifacts
'''


def own_tests(folder: Path, artifacts: list[str], files: dict[str, bytes], *words: str) -> Result:
    """Run the tests above on finished files."""
    for name, content in files.items():
        (folder / "dist" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "dist" / name).write_bytes(content)
    (folder / "crossgate.toml").write_text(
        f"[projects.demo]\nsource = {{ prebuilt = 'dist' }}\narchitectures = ['arm64']\n"
        f"artifacts = {artifacts}\n"
    )
    test = folder / "test_own.py"
    test.write_text(TESTS)
    return run_gate(folder, str(test), "-n", "0", "-q", "-rA", *words)


def ids(ended: Result, outcome: str) -> set[str]:
    """The own tests that ended so, by their names (those of the gate have a path)."""
    return set(re.findall(rf"^{outcome} ::(\S+\])", ended.output, re.MULTILINE))


def test_one_test_for_each_artifact(tmp_path: Path) -> None:
    """Two files are two tests of each file, and one of the target."""
    elf = bytes(IMAGES["arm64"])
    ended = own_tests(tmp_path, ["bin/a", "bin/b"], {"bin/a": elf, "bin/b": elf})

    assert ended.exit_code == 0, ended.output
    assert ids(ended, "PASSED") == {
        *(f"test_facts[demo-arm64-prebuilt-bin/{name}]" for name in "ab"),
        *(f"test_artifact[demo-arm64-prebuilt-bin/{name}]" for name in "ab"),
        "test_build[demo-arm64-prebuilt]",
    }


def test_a_wrong_file_fails_its_own_test_alone(tmp_path: Path) -> None:
    """What is wrong with one file is told by the test of that file."""
    files = {"bin/a": bytes(IMAGES["arm64"]), "bin/b": bytes(IMAGES["amd64"])}
    ended = own_tests(tmp_path, ["bin/a", "bin/b"], files)

    assert ids(ended, "FAILED") == {"test_facts[demo-arm64-prebuilt-bin/b]"}


@pytest.mark.parametrize(
    ("artifacts", "files", "words"),
    [
        (["bin/*"], {"bin/a": b"\x7fELF", "bin/b": b"x"}, r'"bin/\*" matched 2 \(bin/a, bin/b\)'),
        (["bin/a"], {"bin/a": b"\x7fELF"}, "bin/a: a damaged ELF file"),
        (["bin/a"], {"bin/c": b"x"}, '"bin/a" matched no file'),
    ],
)
def test_no_facts_are_a_failure(
    tmp_path: Path, artifacts: list[str], files: dict[str, bytes], words: str
) -> None:
    """Several files where one is wanted, an unreadable one or none: never a pass, always said."""
    ended = own_tests(tmp_path, artifacts, files, "-k", "test_facts")

    assert ended.exit_code == 1
    assert re.search(words, ended.output), ended.output
