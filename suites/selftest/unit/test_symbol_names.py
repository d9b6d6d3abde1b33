"""Names of symbols: the same in every build of the same source, and the crate that they tell."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.core.symbol_names import MAX_NAME, crate_of, readable, stable


def legacy(*names: str) -> str:
    """A path in the legacy mangling, with a hash."""
    lengths = "".join(f"{len(name)}{name}" for name in names)
    return f"_ZN{lengths}17h0123456789abcdefE"


# As rustfilt and `c++filt` have them, without hash and disambiguator.
SAMPLES = [
    ("_ZN4core3fmt9Formatter3pad17h9b2b3a0e5b4d1b31E", "core::fmt::Formatter::pad", "core"),
    (
        legacy("_$LT$alloc..string..String$u20$as$u20$core..fmt..Display$GT$", "fmt"),
        "<alloc::string::String as core::fmt::Display>::fmt",
        "alloc",
    ),
    (
        legacy("_$LT$$RF$T$u20$as$u20$serde..ser..Serialize$GT$", "serialize"),
        "<&T as serde::ser::Serialize>::serialize",
        "serde",
    ),
    (
        legacy("_$LT$demo..Item$u20$as$u20$core..fmt..Display$GT$", "fmt"),
        "<demo::Item as core::fmt::Display>::fmt",
        "demo",
    ),
    ("_RNvCs1234_7mycrate4main", "mycrate::main", "mycrate"),
    (
        "_RNvMs_NtCsabcDEF_4core3fmtNtB4_9Formatter3pad",
        "<core::fmt::Formatter>::pad",
        "core",
    ),
    # The impl stands in mycrate, which v0 says, though type and trait are core's.
    (
        "_RNvXs_CsabcDEF_7mycrateNtNtCs12_4core3fmt5ErrorNtNtBp_3fmt7Display3fmt",
        "<core::fmt::Error as core::fmt::Display>::fmt",
        "mycrate",
    ),
    (
        "_RNvXs0_NtC7mycrate3barINtB5_3FoopENtNtC4core3fmt7Display3fmt",
        "<mycrate::bar::Foo<_> as core::fmt::Display>::fmt",
        "mycrate",
    ),
    ("_RNvYhNtC5other5Trait3run", "<u8 as other::Trait>::run", "other"),
    ("_RINvNtC3std3mem8align_ofNtC7mycrate3FooEC7mycrate", None, "std"),
]


@pytest.mark.parametrize(("mangled", "text", "crate"), SAMPLES)
def test_rust_is_demangled_and_has_its_crate(
    mangled: str, text: str | None, crate: str | None
) -> None:
    """Both of Rust's manglings give the path as its source has it, and the crate it is of."""
    name = stable(mangled)

    assert name.crate == crate
    assert text is None or name.text == text


@pytest.mark.parametrize(
    "name",
    [
        "main",
        "_ZNSt6vectorIiSaIiEE9push_backERKi",
        "_ZN3foo3barE",
        "_R",
        "_Zz",
        "",
        "str_1",
        "h.12",
    ],
)
def test_c_and_cxx_have_no_crate_and_keep_their_names(name: str) -> None:
    """What is not Rust's is left as it is, however it begins."""
    assert (stable(name).text, stable(name).crate) == (name, None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("_ZN3foo3bar17h0123456789abcdefE", "_ZN3foo3bar17hfedcba9876543210E"),
        ("_ZN3foo3bar17h0123456789abcdefE.llvm.123", "_ZN3foo3bar17h0123456789abcdefE.llvm.4567"),
        ("_RNvCs1234_3foo3bar", "_RNvCsDcba9876_3foo3bar"),
        ("anon." + "a" * 32 + ".7", "anon." + "b" * 32 + ".12"),
        ("alloc_" + "1" * 32, "alloc_" + "2" * 32),
        ("vtable.3", "vtable.4"),
        (
            "switch.table._ZN3foo3bar17h0123456789abcdefE",
            "switch.table._ZN3foo3bar17h" + "0" * 16 + "E",
        ),
    ],
)
def test_hashes_make_no_other_name(one: str, other: str) -> None:
    """What changes with the compiler or a dependency leaves a symbol its name."""
    assert one != other
    assert stable(one) == stable(other)


def test_other_functions_are_other_names() -> None:
    """Only hashes go: a path, a generic argument or a counted closure still tells two apart."""
    names = [
        *("_ZN3foo3bar17h0123456789abcdefE", "_ZN3foo3baz17h0123456789abcdefE"),
        *("_RINvC3foo3barhE", "_RINvC3foo3barjE", "_RNCNvC3foo3bar0B3_", "_RNCNvC3foo3bars_0B3_"),
    ]

    assert len({stable(name).text for name in names}) == len(names)


def test_cxx_is_read_where_it_is_shown() -> None:
    """A C++ name is shown as its source has it; what is none of C++ stays."""
    assert readable("_ZN3foo3barEi") == "foo::bar(int)"
    assert readable("main") == "main"
    assert readable("_Z\x1b[2J") == r"_Z\x1b[2J"


def test_a_long_name_is_cut_and_still_its_own() -> None:
    """Names that differ behind the cut stay different."""
    one, other = stable("f" * 3000 + "1").text, stable("f" * 3000 + "2").text

    assert one != other
    assert len(one) < MAX_NAME + 20


@pytest.mark.parametrize(
    ("path", "crate"),
    [
        ("core::ptr::drop_in_place<demo::Item>", "core"),
        ("<&mut demo::Item as core::fmt::Debug>::fmt", "demo"),
        ("<[T] as demo::Sort>::sort", "demo"),
        ("<dyn demo::Shape as core::fmt::Debug>::fmt", "demo"),
        ("<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop", "alloc"),
        ("<fn() -> demo::X as other::Call>::call", "demo"),
        ("<serde_json::Value as serde::ser::Serialize>::serialize", "serde_json"),
        ("<u8 as core::fmt::Debug>::fmt", "core"),
        ("main", None),
        ("<<<", None),
    ],
)
def test_an_impl_is_of_the_crate_that_can_have_it(path: str, crate: str | None) -> None:
    """By the orphan rule it is the type's or the trait's; the sysroot's yields to any other."""
    assert crate_of(path) == crate


@given(st.text(max_size=300), st.sampled_from(["", "_R", "_ZN", "_RNv", "_RB", "_RNvXs_B", "_Z"]))
def test_any_name_is_told(text: str, beginning: str) -> None:
    """No name is refused or crashes the reader, and none outgrows its bound."""
    assert len(stable(beginning + text).text) <= MAX_NAME + 20
    assert readable(beginning + text) is not None


def test_names_that_name_themselves_come_to_an_end() -> None:
    """References back, deep nesting and doubling are bounded."""
    for name in (
        "_R" + "B_" * 5000,
        "_RNvB_" + "3foo" * 1000,
        "_R" + "I" * 15000,
        "_RNv" * 3000,
        "_Z1f" + "P" * 15000 + "i",
        "_Z1fI" + "".join("S_T_" for _ in range(3000)),
        "_ZN" + "1a" * 5000 + "17h0123456789abcdefE",
    ):
        assert len(stable(name).text) <= MAX_NAME + 20
        assert readable(name)


@pytest.mark.skipif(shutil.which("c++filt") is None, reason="no c++filt on this machine")
def test_binutils_agrees() -> None:
    """c++filt reads the samples alike, but for the hash that it shows."""
    samples = [(mangled, text) for mangled, text, _ in SAMPLES if text]
    done = subprocess.run(
        ["c++filt", *(mangled for mangled, _ in samples)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    hashes = re.compile(r"::h[0-9a-f]{16}$|\[[0-9a-f]+\]")

    shown = [hashes.sub("", line) for line in done.stdout.splitlines()]
    assert shown == [text for _, text in samples]
