"""The policy and the budget of a project: what their tables may say, and each mistake in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core import manifest, policy_rows, rows
from fixtures.core.errors import ManifestError
from fixtures.core.policy import DEFAULT, Policy
from fixtures.core.readers import BUDGETS
from fixtures.core.text import printable
from fixtures.core.weights import WORDS
from suites.selftest.unit.samples import load

MIB: Final = 1024**2


def text(policy: str = "", *, budget: str = "", more: str = "", on: str = '"amd64"') -> str:
    """A manifest whose project has a policy and a budget, each the inside of an inline table."""
    return (
        '[projects.demo]\nsource = { prebuilt = "dist" }\nartifacts = ["**"]\n'
        f"architectures = [{on}]\n"
        + (f"policy = {{ {policy} }}\n" if policy else "")
        + (f"budget = {{ {budget} }}\n" if budget else "")
        + more
    )


def policy_of(written: str, **keys: str) -> Policy:
    """The policy of the one project."""
    [project] = load(text(written, **keys)).projects
    return project.policy


def complaint(content: str) -> str:
    """What is said of a manifest that is refused: one line that a terminal can show."""
    with pytest.raises(ManifestError) as caught:
        load(content)
    message = str(caught.value)
    assert message == printable(message)
    assert len(message.splitlines()) == 1
    return message


# What can be said

WRITTEN: Final[Mapping[str, tuple[str, Any]]] = {
    # field of the policy: (as it is written, as it is read)
    "interpreter": ('interpreter = "/lib64/ld-x.so.1"', ("/lib64/ld-x.so.1",)),
    "needed": ('needed = ["libc.so.6", "libQt6*"]', ("libc.so.6", "libQt6*")),
    "needed_deny": ('needed = { deny = ["libssl.so.*"] }', ("libssl.so.*",)),
    "glibc": ('glibc = "2.36"', "2.36"),
    "glibcxx": ('glibcxx = "3.4.30"', "3.4.30"),
    "linkage": ('linkage = "static"', "static"),
    "rpath": ('rpath = "$ORIGIN/../lib"', ("$ORIGIN/../lib",)),
    "hardening": ('hardening = ["pie", "nx"]', ("pie", "nx")),
    "baseline": ('baseline = "x86-64-v2"', "x86-64-v2"),
    "stripped": ("stripped = true", True),
    "build_id": ("build_id = false", False),
    "paths": ('paths = ["/usr/src"]', ("/usr/src",)),
    "soname": ('soname = "libdemo.so.1"', ("libdemo.so.1",)),
    "exports": ('exports = "abi/{architecture}-{debian}"', "abi/{architecture}-{debian}"),
    "contents": ('contents = ["usr/bin/*"]', ("usr/bin/*",)),
    "foreign": ('foreign = "firmware/*"', ("firmware/*",)),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_each_key_is_read_alone(name: str) -> None:
    """A key of the policy arrives as its value, and claims nothing besides."""
    written, expected = WRITTEN[name]

    assert policy_of(written) == Policy(**{name: expected})


def test_every_field_is_tried_above() -> None:
    """The table above touches everything that a policy can claim."""
    assert set(WRITTEN) == {field.name for field in fields(Policy)}


def test_without_a_policy_nothing_is_claimed() -> None:
    """A project that says nothing of its artifacts has an empty policy."""
    [project] = load(text()).projects

    assert project.policy == Policy()
    assert not project.policy.names_libraries


@pytest.mark.parametrize(
    ("written", "name", "expected"),
    [
        ('interpreter = "default"', "interpreter", DEFAULT),
        ('interpreter = ["/lib/a", "/lib/b"]', "interpreter", ("/lib/a", "/lib/b")),
        ('hardening = "default"', "hardening", DEFAULT),
        ('baseline = "default"', "baseline", DEFAULT),
        ("needed = []", "needed", ()),
        ("needed = { allow = [] }", "needed", ()),
        ("rpath = []", "rpath", ()),
        ("paths = []", "paths", ()),
        ('rpath = ["/opt/a", "$ORIGIN"]', "rpath", ("/opt/a", "$ORIGIN")),
        ('soname = ["a.so.1", "b.so.*"]', "soname", ("a.so.1", "b.so.*")),
    ],
)
def test_short_and_long_forms(written: str, name: str, expected: Any) -> None:
    """One value stands for a list of one, "default" for the data's, an empty list for none."""
    assert getattr(policy_of(written), name) == expected


def test_libraries_are_allowed_and_denied() -> None:
    """A table of `needed` says both; each alone leaves the other out."""
    both = policy_of('needed = { allow = ["libc.so.6"], deny = ["libm*"] }')

    assert (both.needed, both.needed_deny) == (("libc.so.6",), ("libm*",))
    assert policy_of('needed = { deny = ["libm*"] }').needed is None
    assert policy_of('needed = { deny = ["libm*"] }').names_libraries
    assert policy_of("needed = []").names_libraries


@pytest.mark.parametrize("word", policy_rows.hardening_words())
@pytest.mark.parametrize("dash", ["_", "-"])
def test_words_of_hardening_take_hyphens(word: str, dash: str) -> None:
    """Every word of the data can be asked, with a hyphen or an underscore."""
    written = word.replace("_", dash)

    assert policy_of(f'hardening = ["{written}"]').hardening == (word,)


def test_default_stands_for_what_no_project_should_have() -> None:
    """`policy = "default"` claims what the data can fill in, and that no path is inside."""
    content = text().replace("artifacts", 'policy = "default"\nartifacts')

    [project] = load(content).projects

    assert project.policy == Policy(interpreter=DEFAULT, rpath=(), hardening=DEFAULT, paths=())


# Defaults and overrides


def test_an_override_replaces_single_keys() -> None:
    """An override for an architecture changes its key and leaves the policy's others."""
    more = (
        '[projects.demo.overrides.aarch64]\npolicy = { glibc = "2.17", hardening = ["nx"] }\n'
        'budget = { stripped = "2 MiB" }\n'
    )
    content = text(
        'glibc = "2.36", stripped = true, hardening = "default"',
        budget='size = "3 MiB", stripped = "1 MiB"',
        on='"amd64", "arm64"',
        more=more,
    )

    [project] = load(content).projects
    own, other = (project.variant(name, emulated=False) for name in ("arm64", "amd64"))

    assert other.policy == Policy(glibc="2.36", stripped=True, hardening=DEFAULT)
    assert own.policy == Policy(glibc="2.17", stripped=True, hardening=("nx",))
    assert (own.budget.size_bytes, own.budget.stripped_bytes) == (3 * MIB, 2 * MIB)
    assert own.places["policy.glibc"] == "projects.demo.overrides.arm64.policy.glibc"
    assert "policy.stripped" not in own.places


def test_an_override_denies_and_allows_apart() -> None:
    """The two lists of `needed` are keys of their own: an override of one leaves the other."""
    content = text(
        'needed = { allow = ["libc.so.6"], deny = ["libm*"] }',
        on='"amd64", "arm64"',
        more='[projects.demo.overrides.arm64]\npolicy = { needed = ["libc*"] }\n',
    )

    [project] = load(content).projects
    own = project.variant("arm64", emulated=False).policy

    assert (own.needed, own.needed_deny) == (("libc*",), ("libm*",))


def test_defaults_hold_for_every_project() -> None:
    """A policy in the defaults is each project's, key by key."""
    content = "[defaults]\npolicy = { stripped = true, build_id = true }\n" + text(
        "stripped = false"
    )

    [project] = load(content).projects

    assert project.policy == Policy(stripped=False, build_id=True)


# Mistakes

MISTAKES: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = {
    # name: (what is written, which key is named, with which words)
    "unknown key": ("strippd = true", "strippd", ('did you mean "stripped"?', "known here")),
    "loader's name": (
        'interpreter = "ld-linux.so.2"',
        "interpreter",
        ("the absolute path of a loader", 'found "ld-linux.so.2"'),
    ),
    "one of the loaders": (
        'interpreter = ["/lib/a", "b"]',
        "interpreter",
        ('item 2 is "b"', "the absolute path of a loader"),
    ),
    "no loader": ("interpreter = []", "interpreter", ("a list of loaders that is not empty",)),
    "loader's number": ("interpreter = 3", "interpreter", ("a list of loaders", "found 3")),
    "path of a library": (
        'needed = ["/lib/libc.so.6"]',
        "needed",
        ("the name of a library", 'item 1 is "/lib/libc.so.6"'),
    ),
    "library twice": ('needed = ["a", "a"]', "needed", ("each of the libraries once", "twice: a")),
    "libraries as a text": (
        'needed = "libc.so.6"',
        "needed",
        ("a list of libraries", '"libc.so.6"'),
    ),
    "table of nothing": ("needed = {}", "needed", ('"allow" or "deny"',)),
    "table of libraries": (
        'needed = { alow = ["x"] }',
        "needed.alow",
        ('did you mean "allow"?',),
    ),
    "denied path": ('needed = { deny = ["a/b"] }', "needed.deny", ("the name of a library",)),
    "nothing denied": ("needed = { deny = [] }", "needed.deny", ("not empty",)),
    "glibc's number": ("glibc = 2.36", "glibc", ('a version, as in "2.36"', "found 2.36")),
    "glibc's name": ('glibc = "GLIBC_2.36"', "glibc", ('as in "2.36"', 'found "GLIBC_2.36"')),
    "one part of a version": ('glibc = "2"', "glibc", ('as in "2.36"',)),
    "absurd version": (f'glibc = "{"9" * 5000}.1"', "glibc", ('as in "2.36"',)),
    "ceiling that nothing meets": (
        'glibc = "2.2.4"',
        "glibc",
        (
            "at least 2.2.5, the lowest glibc that programs for amd64 can need",
            "found 2.2.4",
            "overrides.amd64.policy",
        ),
    ),
    "libstdc++": ('glibcxx = "latest"', "glibcxx", ("a version",)),
    "linkage": ('linkage = "dynamik"', "linkage", ('"static" or "dynamic"', '"dynamic"?')),
    "rpath's number": ("rpath = 1", "rpath", ("a list of folders", "found 1")),
    "empty folder": ('rpath = [""]', "rpath", ("not empty",)),
    "unknown word": (
        'hardening = ["relo"]',
        "hardening",
        ('item 1 is "relo"', 'did you mean "relro"?'),
    ),
    "unknown word with a hyphen": (
        'hardening = ["stack-protecter"]',
        "hardening",
        ('did you mean "stack_protector"?',),
    ),
    "word twice": ('hardening = ["bind-now", "bind_now"]', "hardening", ("twice: bind_now",)),
    "word alone": ('hardening = "pie"', "hardening", ("a list of properties", 'found "pie"')),
    "no word": ("hardening = []", "hardening", ("not empty",)),
    "baseline of another family": (
        'baseline = "rv64gc"',
        "baseline",
        (
            "a baseline of amd64 (x86-64, x86-64-v2, x86-64-v3, x86-64-v4)",
            'found "rv64gc"',
            "overrides.amd64.policy",
        ),
    ),
    "no baseline": ("baseline = 2", "baseline", ("a text",)),
    "truth in words": ('stripped = "yes"', "stripped", ("true or false", 'found "yes"')),
    "truth as a number": ("build_id = 1", "build_id", ("true or false", "found 1")),
    "empty path": ('paths = [""]', "paths", ("not empty",)),
    "no name": ("soname = []", "soname", ("a list of names that is not empty",)),
    "placeholder": (
        'exports = "abi/{arch}.txt"',
        "exports",
        ("unknown placeholder {arch}", "known here: {architecture}, {triplet}, {debian}"),
    ),
    "absolute baseline": ('exports = "/etc/abi"', "exports", ("beside the manifest",)),
    "baseline above": ('exports = "../abi"', "exports", ("without ..",)),
    "nothing in a package": ("contents = []", "contents", ("a list of patterns",)),
    "no foreign files": ("foreign = []", "foreign", ("a list of patterns that is not empty",)),
}


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("at", ["projects.demo", "defaults"])
def test_each_mistake_names_key_and_mend(name: str, at: str) -> None:
    """A mistake is told with the file, the key where it stands, what was expected and found."""
    written, key, words = MISTAKES[name]
    content = text(written) if at != "defaults" else f"[defaults.policy]\n{written}\n{text()}"

    message = complaint(content)

    assert message.startswith(f"crossgate.toml: {at}.policy.{key}: ")
    for word in words:
        assert word in message


def test_a_mistake_in_an_override_is_placed_there() -> None:
    """What only an override says is complained about where it stands."""
    more = '[projects.demo.overrides.arm64]\npolicy = { glibc = "2.16" }\n'

    message = complaint(text('glibc = "2.36"', on='"amd64", "arm64"', more=more))

    assert message.startswith("crossgate.toml: projects.demo.overrides.arm64.policy.glibc: ")
    assert "at least 2.17" in message


@pytest.mark.parametrize("name", rows.of_linux())
def test_a_ceiling_can_be_the_lowest_and_no_lower(name: str) -> None:
    """The lowest version of an architecture is a ceiling; a lower one is refused at load."""
    lowest = policy_rows.lowest_glibc(name)
    number, _, last = lowest.rpartition(".")
    below = f"{number}.{int(last) - 1}" if int(last) else "1.9"

    assert policy_of(f'glibc = "{lowest}"', on=f'"{name}"').glibc == lowest
    assert f"at least {lowest}, " in complaint(text(f'glibc = "{below}"', on=f'"{name}"'))


def test_a_ceiling_is_held_against_each_architecture_alone() -> None:
    """An architecture whose override says another ceiling is not held against the plain one."""
    ceiling = 'glibc = "2.17"'
    more = '[projects.demo.overrides.riscv64]\npolicy = { glibc = "2.27" }\n'

    assert "riscv64" in complaint(text(ceiling, on='"amd64", "riscv64"'))
    assert policy_of(ceiling, on='"amd64", "riscv64"', more=more).glibc == "2.17"


def test_versions_are_compared_by_their_numbers() -> None:
    """2.3 is lower than 2.17, however it is spelt."""
    assert "at least 2.17" in complaint(text('glibc = "2.3"', on='"arm64"'))


@pytest.mark.parametrize("architecture", ["arm64", "s390x", "ppc64le"])
def test_a_baseline_of_files_that_declare_none_is_refused(architecture: str) -> None:
    """Where nothing in a file could tell it, a baseline would be judged by nothing."""
    said = complaint(text('baseline = "v7"', on=f'"{architecture}"'))

    assert "do not declare which CPU they need" in said


@pytest.mark.parametrize(
    ("architecture", "level"),
    [("amd64", "x86-64-v4"), ("armv7", "v8"), ("riscv64", "rva22")],
)
def test_baselines_are_of_the_family(architecture: str, level: str) -> None:
    """A baseline is one of the family's words."""
    assert policy_of(f'baseline = "{level}"', on=f'"{architecture}"').baseline == level


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("3", "found 3"),
        ('"defaults"', 'did you mean "default"?'),
        ("[]", "found a list of 0"),
        ("true", "found true"),
    ],
)
def test_a_policy_is_a_table_or_default(value: str, words: str) -> None:
    """Anything else in the policy's place is told to be none."""
    message = complaint(text().replace("artifacts", f"policy = {value}\nartifacts"))

    assert message.startswith("crossgate.toml: projects.demo.policy: expected a table")
    assert words in message


def test_every_key_of_the_table_is_tried_above() -> None:
    """Each key that a policy takes has a mistake above."""
    match = re.search(r"known here: (.*)\)", complaint(text("xyzzy = 1")))
    touched = {key.partition(".")[0] for _, key, _ in MISTAKES.values()}

    assert match is not None
    assert {"glibc", "needed"} <= set(match[1].split(", ")) <= touched


# Budgets of sizes


@pytest.mark.parametrize("kind", WORDS)
def test_each_way_of_weighing_has_a_budget(kind: str) -> None:
    """A budget of sizes is one bound for all artifacts, or bounds by patterns."""
    name = BUDGETS[kind]
    table = f'{kind} = {{ "lib/*.so" = "1 MiB", "bin/x" = 17 }}'
    [one] = load(text(budget=f'{kind} = "2 MiB"')).projects
    [several] = load(text(budget=table)).projects

    assert getattr(one.budget, name) == 2 * MIB
    assert getattr(several.budget, name) == {"lib/*.so": MIB, "bin/x": 17}


@pytest.mark.parametrize("kind", WORDS)
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{}", 'a table such as { "lib/*.so" = "1 MiB" }'),
        ('{ "/etc/x" = 1 }', "inside the build's folder"),
        ('{ "../x" = 1 }', "no .."),
        ('{ "x" = "much" }', 'such as "1.5 MiB"'),
        ('{ "x" = -1 }', "a size"),
        ('{ "x" = { "y" = 1 } }', "a size"),
        ('"1 mb"', 'such as "1.5 MiB"'),
        ("true", "found true"),
        ("[1]", "found a list of 1"),
    ],
)
def test_each_mistake_in_a_budget_names_its_key(kind: str, value: str, words: str) -> None:
    """A budget that is no size, and a pattern that is no path, is told with its key."""
    message = complaint(text(budget=f"{kind} = {value}"))

    assert message.startswith(f"crossgate.toml: projects.demo.budget.{kind}: ")
    assert words in message


# Whatever stands there

_anything = st.recursive(
    st.one_of(
        st.sampled_from(["default", "2.36", "pie", "/lib/x", "a", "x86-64", "{triplet}", ".."]),
        st.text(st.characters(codec="utf-8")),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["allow", "deny", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def _toml(value: Any) -> str:
    match value:
        case dict():
            return (
                f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}"
            )
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return json.dumps(value)


@given(
    st.dictionaries(
        st.sampled_from([*(set(WRITTEN) - {"needed_deny"}), "xyzzy"]), _anything, max_size=4
    ),
    st.lists(st.sampled_from(list(rows.architectures())), min_size=1, max_size=3, unique=True),
)
def test_any_policy_loads_or_is_refused(table: dict[str, Any], names: list[str]) -> None:
    """Whatever stands in a policy, it gives one for each architecture, or one clear line."""
    written = ", ".join(f"{key} = {_toml(value)}" for key, value in table.items())

    try:
        loaded = manifest.load(text(written, on=json.dumps(names)[1:-1]).encode(), "x.toml")
    except ManifestError as error:
        message = str(error)
        assert message.startswith("x.toml: projects.demo.policy")
        assert message == printable(message)
        assert len(message) < 2000
    else:
        assert isinstance(loaded.projects[0].policy, Policy)
