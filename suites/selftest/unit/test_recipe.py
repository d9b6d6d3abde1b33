"""Recipes of images: layer upon layer, and changed by nothing but what goes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.building import recipe
from fixtures.building.recipe import Recipe
from fixtures.core import rows, targets
from fixtures.core.errors import ManifestError
from fixtures.core.rows import architectures
from suites.selftest.unit.samples import HONEST, load

FOLDER: Final = Path(__file__).parent
PLAIN: Final = HONEST.replace('test = "make check"\n', "")


def recipe_of(
    text: str, target: str = "demo-arm64-gcc", folder: Path = FOLDER, **host: str
) -> Recipe:
    """The recipe of one target of a manifest's text."""
    found = {each.id: each for each in targets.expand(load(text), host.get("host", "amd64"))}
    return recipe.of_target(found[target], folder, "crossgate.toml")


def with_key(line: str) -> str:
    """The plain manifest with one more line in its project."""
    return PLAIN.replace("build =", f"{line}\nbuild =")


def test_a_cross_image_stands_on_the_hosts_base() -> None:
    """A cross compiler's image is for the host's CPU, and holds packages for the target's."""
    image = recipe_of(PLAIN)

    assert image.container.name == "amd64"
    assert image.root == recipe.base(architectures()["amd64"])
    assert "gcc-aarch64-linux-gnu" in image.arguments["CROSS_PACKAGES"]


def test_native_and_emulated_images_hold_no_cross_compiler() -> None:
    """A container of the target's own CPU compiles with its own compiler."""
    native = recipe_of(PLAIN, "demo-amd64-gcc")
    emulated = recipe_of(with_key('strategy = "emulated"'), "demo-arm64-gcc-emulated")

    assert native.arguments["CROSS_PACKAGES"] == emulated.arguments["CROSS_PACKAGES"] == ""
    assert (native.container.name, emulated.container.name) == ("amd64", "arm64")
    assert native.tag != emulated.tag


@pytest.mark.parametrize("name", rows.toolchains())
def test_all_architectures_share_what_is_below(name: str) -> None:
    """The images of all cross targets stand on one that holds what is the same for all of them."""
    toolchain = rows.toolchains()[name]
    every = PLAIN.replace('["amd64", "arm64"]', str(list(toolchain.architectures)))
    every = every.replace('"gcc"', f'"{name}"').replace("'", '"')
    images = [recipe_of(every, f"demo-{each}-{name}") for each in toolchain.architectures]
    shared = {layer.tag for layer in layers_of(images[0])}.intersection(
        *({layer.tag for layer in layers_of(image)} for image in images)
    )

    assert len({image.tag for image in images}) == len(images)
    assert {layer.name for layer in toolchain.layers} <= {tag[10:].split(":")[0] for tag in shared}
    assert all(image.root == recipe.base(architectures()["amd64"]) for image in images)


def layers_of(image: Recipe) -> list[Recipe]:
    """An image's recipe and those below it, down to the base."""
    return [image, *(layers_of(image.base) if image.base else [])]


def test_a_toolchain_on_another_ones_has_its_tools() -> None:
    """A rust image holds gcc's layers, those for all architectures below those for one."""
    image = recipe_of(PLAIN.replace('"gcc"', '"rust"'), "demo-arm64-rust")
    names = [layer.name for layer in layers_of(image)]

    assert names == [
        "rust-arm64",
        "rust-arm64-foreign",
        "rust-arm64-gcc",
        "rust",
        "gcc",
        "base-trixie",
    ]
    assert layers_of(image)[1].arguments["PACKAGES"] == "libstd-rust-dev:arm64"
    assert layers_of(image)[3:5] != layers_of(recipe_of(PLAIN))[1:3]
    assert layers_of(image)[4] == layers_of(recipe_of(PLAIN))[1]


def test_a_native_rust_image_holds_nothing_foreign() -> None:
    """A container of the target's own CPU has its standard library already."""
    image = recipe_of(PLAIN.replace('"gcc"', '"rust"'), "demo-amd64-rust")

    assert "rust-amd64-foreign" not in [layer.name for layer in layers_of(image)]
    assert image.arguments["FOREIGN"] == ""


def test_packages_are_a_layer_of_their_own() -> None:
    """Packages stand above the toolchain's image, the target's named with its CPU."""
    image = recipe_of(with_key('packages = ["zlib1g-dev", "xy=1"]\nbuild_packages = ["pv"]'))

    assert image.base == recipe_of(PLAIN)
    assert image.arguments == {"FOREIGN": "arm64", "PACKAGES": "pv zlib1g-dev:arm64 xy:arm64=1"}
    assert image.root == recipe.base(architectures()["amd64"])


def test_packages_of_a_native_target_name_no_cpu() -> None:
    """Where the target's CPU is the container's own, there is nothing foreign to add."""
    text = with_key('packages = ["zlib1g-dev"]')

    assert recipe_of(text, "demo-amd64-gcc").arguments == {"FOREIGN": "", "PACKAGES": "zlib1g-dev"}
    assert recipe_of(with_key('build_packages = ["pv"]')).arguments["FOREIGN"] == ""


def test_tests_on_the_target_want_its_own_libc() -> None:
    """What runs on the target by itself needs the target's loader in its own place."""
    assert recipe_of(HONEST).arguments["PACKAGES"].split()[0] == "libc6:arm64"
    assert "PACKAGES" not in recipe_of(HONEST, "demo-amd64-gcc").arguments


@pytest.mark.parametrize(
    "line",
    ['packages = ["a2"]', 'build_packages = ["a2"]', 'toolchain = { image = "x" }'],
)
def test_what_goes_in_changes_the_name(line: str) -> None:
    """Each key that changes an image changes its name; what does not, does not."""
    text = with_key(line)
    if "toolchain" in line:
        text = text.replace('toolchain = "gcc"\n', "").replace("{cc}", "cc")

    assert recipe_of(text, f"demo-arm64-{'image' if 'image' in line else 'gcc'}").content != (
        recipe_of(PLAIN).content
    )
    assert recipe_of(with_key("cpus = 1")).tag == recipe_of(PLAIN).tag


def own(folder: Path, dockerfile: str = "ARG BASE\nFROM ${BASE}\n", extra: str = "") -> str:
    """A project with a Dockerfile of its own, written into a folder."""
    (folder / "docker" / "arm64").mkdir(parents=True, exist_ok=True)
    (folder / "docker" / "arm64" / "Dockerfile").write_text(dockerfile, "utf-8")
    table = f'{{ dockerfile = "docker/{{architecture}}/Dockerfile"{extra} }}'
    budget = 'time_ratio = { to = "amd64", max = 1.5 }\n'
    text = PLAIN.replace(budget, "").replace('"amd64", ', "").replace("{cc}", "cc")
    return text.replace('"gcc"', table)


def test_a_dockerfile_that_asks_for_it_stands_on_our_base(tmp_path: Path) -> None:
    """`ARG BASE` is given Crossgate's base; a Dockerfile without it is left alone."""
    asked = recipe_of(own(tmp_path), "demo-arm64-dockerfile", tmp_path)
    alone = recipe_of(own(tmp_path, "FROM debian\n"), "demo-arm64-dockerfile", tmp_path)

    assert asked.base == recipe.base(architectures()["amd64"])
    assert alone.base is None
    assert asked.dockerfile == "Dockerfile"


@pytest.mark.parametrize("line", ["ARG BASE", "arg BASE=debian:trixie-slim", "ARG  BASE= "])
def test_a_default_for_the_base_is_replaced(tmp_path: Path, line: str) -> None:
    """However a Dockerfile declares BASE, it gets Crossgate's; another name is its own."""
    asked = own(tmp_path, f"{line}\nFROM ${{BASE}}\n")
    other = own(tmp_path, "ARG BASEMENT=debian\nFROM ${BASEMENT}\n")

    assert recipe_of(other, "demo-arm64-dockerfile", tmp_path).base is None
    (tmp_path / "docker" / "arm64" / "Dockerfile").write_text(f"{line}\nFROM ${{BASE}}\n", "utf-8")
    assert recipe_of(asked, "demo-arm64-dockerfile", tmp_path).base is not None


def test_what_is_made_by_a_users_dockerfile_is_known(tmp_path: Path) -> None:
    """What it fetched is in no list of packages, below a layer of packages neither."""
    text = own(tmp_path)
    above = text.replace("build =", 'packages = ["zlib1g-dev"]\nbuild =')

    assert recipe_of(text, "demo-arm64-dockerfile", tmp_path).has_own_dockerfile
    assert recipe_of(above, "demo-arm64-dockerfile", tmp_path).has_own_dockerfile
    assert not recipe_of(PLAIN).has_own_dockerfile
    assert not recipe_of(with_key('packages = ["zlib1g-dev"]')).has_own_dockerfile


def test_a_dockerfiles_context_and_arguments_are_part_of_it(tmp_path: Path) -> None:
    """A changed file beside the Dockerfile, or another argument, makes another image."""
    first = recipe_of(own(tmp_path), "demo-arm64-dockerfile", tmp_path)
    argued = own(tmp_path, extra=', arguments = { A = "{triplet}" }')
    other = recipe_of(argued, "demo-arm64-dockerfile", tmp_path)
    (tmp_path / "docker" / "arm64" / "file").write_text("x", "utf-8")
    changed = recipe_of(own(tmp_path), "demo-arm64-dockerfile", tmp_path)

    assert len({first.tag, other.tag, changed.tag}) == 3
    assert other.arguments == {"A": "aarch64-linux-gnu"}


def test_a_missing_dockerfile_names_its_key(tmp_path: Path) -> None:
    """A Dockerfile that is not there, or not in its context, is the manifest's mistake."""
    text = own(tmp_path, extra=', context = "elsewhere"')
    (tmp_path / "elsewhere").mkdir()

    with pytest.raises(ManifestError, match=r"projects\.demo\.toolchain\.dockerfile: there is no"):
        recipe_of(text.replace("/Dockerfile", "/Nothing"), "demo-arm64-dockerfile", tmp_path)
    with pytest.raises(ManifestError, match=r"toolchain\.context: the Dockerfile .* is not inside"):
        recipe_of(text, "demo-arm64-dockerfile", tmp_path)


def test_an_identity_is_known_by_what_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An identity is what was noted of an image; damage, or another of its name, leaves none."""
    monkeypatch.setenv("CROSSGATE_CACHE", str(tmp_path))
    image = recipe_of(PLAIN)
    given = recipe_of(
        PLAIN.replace('"gcc"', '{ image = "x" }').replace("{cc}", "cc"), "demo-arm64-image"
    )
    file = recipe.identity_file(image)
    file.parent.mkdir()

    assert recipe.known_identity(image) is None

    file.write_text('{"identity": "i", "given": null}', "utf-8")
    assert recipe.known_identity(image) == "i"

    file.write_text('{"identity": "i"', "utf-8")
    assert recipe.known_identity(image) is None

    recipe.identity_file(given).write_text('{"identity": "i", "given": "sha256:1"}', "utf-8")
    seen: dict[str, Any] = {"id": None}
    monkeypatch.setattr(recipe, "_id_of", lambda _name: seen["id"])
    assert recipe.known_identity(given) == "i"

    seen["id"] = "sha256:2"
    assert recipe.known_identity(given) is None
