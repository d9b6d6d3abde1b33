"""Container images: every platform is seen, and every blob is what its digest says."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from fixtures.core.errors import ArtifactError
from fixtures.inspection.containers.image import open_image_folder
from fixtures.inspection.found import Opened
from fixtures.inspection.limits import LimitError
from suites.selftest.unit import archives

BASE: Final = archives.tar({"bin/base": b"base"})
IMAGES: Final = {
    "linux/arm64": [BASE, archives.tar({"bin/tool": b"arm"})],
    "linux/arm/v7": [BASE],
}


def image(files: dict[str, bytes]) -> Opened:
    """An image archive of files."""
    return archives.opened("tar", archives.tar(files))


def parts(container: Opened) -> dict[str, dict[str, Any]]:
    """The facts of each image, by its name."""
    found = {}
    for member in container.members:
        assert member.opened is not None
        archives.skim(member.opened)
        found[member.name] = member.opened.facts
    return found


def short(content: bytes) -> str:
    """How a layer is called."""
    return archives.digest(content)[:19]


def test_a_layout_has_its_platforms_and_their_layers() -> None:
    """Each platform's image is a part, whose files are its layers."""
    container = image(archives.oci(IMAGES))

    assert archives.read(container) == {
        f"{name}!{short(layer)}": layer for name, layers in IMAGES.items() for layer in layers
    }
    assert container.facts["format"] == "oci"
    assert container.facts["platforms"] == [
        {"platform": name, "layers": [archives.digest(layer) for layer in layers]}
        for name, layers in IMAGES.items()
    ]
    assert container.findings == container.remarks == []


def test_an_image_says_what_it_is_for() -> None:
    """Config and manifest both declare the architecture, and their layers are listed."""
    found = parts(image(archives.oci(IMAGES)))

    assert found["linux/arm/v7"]["declared"] == [
        {"by": "image config architecture", "says": "linux/arm/v7", "architecture": "armv7"},
        {"by": "manifest platform", "says": "linux/arm/v7", "architecture": "armv7"},
    ]
    assert found["linux/arm64"]["layers"][0] == {
        "digest": archives.digest(BASE),
        "media_type": "application/vnd.oci.image.layer.v1.tar",
        "size_bytes": len(BASE),
    }


def test_a_config_of_another_architecture_is_remarked_on() -> None:
    """An image whose config contradicts its manifest is told."""
    container = image(archives.oci({"linux/arm64": [BASE]}, configs={"linux/arm64": "linux/amd64"}))

    (member,) = container.members

    assert member.opened is not None
    assert member.opened.remarks == [
        "its config is of linux/amd64, and its manifest's platform is linux/arm64"
    ]


def test_docker_save_is_read() -> None:
    """What older engines save has its tag for a name, and layers of the config's digests."""
    container = image(archives.docker_save([BASE, b"second"]))

    assert archives.read(container) == {
        f"tool:latest!{short(layer)}": layer for layer in (BASE, b"second")
    }
    assert container.facts["format"] == "docker"
    assert container.facts["platforms"][0]["platform"] == "linux/arm64"
    assert container.findings == []


def test_a_saved_layer_that_is_a_link_is_followed_inside_the_archive() -> None:
    """docker save writes a layer that images share once, and never reads one of this host."""
    files = archives.docker_save([BASE])
    path = next(name for name in files if name.endswith("/layer.tar"))
    other = "0" * 64
    del files[path]
    link = archives.entry(path, b"2", f"../{other}/layer.tar")
    content = archives.tar({**files, f"{other}/layer.tar": BASE}, link)
    hostile = archives.tar(files, archives.entry(path, b"2", "/etc/passwd"))

    assert archives.read(archives.opened("tar", content)) == {f"tool:latest!{short(BASE)}": BASE}
    container = archives.opened("tar", hostile)
    assert archives.read(container) == {}
    assert container.findings == [f"a damaged image: the layer {short(BASE)} is not in it"]


def test_a_layout_that_docker_saved_is_read_once() -> None:
    """What newer engines save is both; an image that only the older list has is seen too."""
    files = archives.oci({"linux/arm64": [BASE]})
    config, layer = archives.config("linux/arm64", 1), b"hidden"
    saved = [
        {"Config": archives.blob_name(config), "Layers": [archives.blob_name(BASE)]},
        {"Config": archives.blob_name(config), "Layers": ["hidden.tar"], "RepoTags": ["x:1"]},
    ]
    twice = {**files, "manifest.json": archives.document(saved[:1])}
    more = {**files, "manifest.json": archives.document(saved), "hidden.tar": layer}

    assert image(twice).facts["format"] == "docker"
    assert archives.read(image(twice)) == {f"linux/arm64!{short(BASE)}": BASE}
    assert layer in archives.read(image(more)).values()


def test_a_platform_that_was_not_saved_is_no_defect() -> None:
    """docker save writes the index of all platforms, with the blobs of one."""
    files = archives.oci({"linux/arm64": [BASE], "linux/s390x": [b"other"]})
    gone = archives.oci({"linux/s390x": [b"other"]})
    kept = {
        name: files[name] for name in files if name not in gone or not name.startswith("blobs/")
    }
    container = image({**kept, "manifest.json": archives.document([])})

    archives.read(container)

    assert container.facts["absent"] == ["linux/s390x"]
    assert container.findings == []
    assert "a damaged image: blobs/" in archives.skim(image(kept))[0]


@pytest.mark.parametrize("which", ["layer", "config", "manifest"])
def test_a_blob_that_is_not_what_its_digest_says_is_a_finding(which: str) -> None:
    """Whatever leads to a blob, it is held against its digest, also where nobody reads it."""
    files = archives.oci({"linux/arm64": [BASE]})
    old, new = {
        "layer": (b"base", b"evil"),
        "config": (b'"linux"', b'"Linux"'),
        "manifest": (b"schemaVersion", b"schemaversion"),
    }[which]
    changed = {
        name: content.replace(old, new) if name.startswith("blobs/") else content
        for name, content in files.items()
    }

    (finding,) = set(archives.skim(image(changed)))

    assert "is not what its digest sha256:" in finding


def test_a_blob_that_nothing_leads_to_is_held_against_its_digest_too() -> None:
    """What is in a layout and in no image is counted, and checked."""
    files = {**archives.oci({"linux/arm64": [BASE]}), f"blobs/sha256/{'0' * 64}": b"x"}
    container = image(files)

    assert archives.skim(container) == [
        f"a damaged image: blobs/sha256/{'0' * 64} is not what its digest sha256:{'0' * 12} says"
    ]
    assert container.facts["unreferenced"] == 1


def test_a_missing_blob_is_a_finding_and_the_others_are_read() -> None:
    """One platform's defect leaves the others to be seen."""
    files = archives.oci(IMAGES)
    del files[archives.blob_name(IMAGES["linux/arm64"][1])]
    del files[archives.blob_name(archives.config("linux/arm/v7", 1))]
    container = image(files)

    assert list(archives.read(container)) == [f"linux/arm64!{short(BASE)}"]
    assert len(container.findings) == 2


def index_of(files: dict[str, bytes], *descriptors: dict[str, Any]) -> dict[str, bytes]:
    """The files of a layout with another index."""
    return {**files, "index.json": archives.document({"manifests": descriptors})}


def test_attestations_are_passed_over_and_what_hides_as_one_is_not() -> None:
    """What is about an image is counted; a layer with files is looked into, whatever it says."""
    files = archives.oci({"linux/arm64": [BASE]})
    unknown = {"architecture": "unknown", "os": "unknown"}
    real = b"{}"
    about = archives.document(
        {
            "config": archives.descriptor("config.v1+json", b"{}"),
            "layers": [
                {**archives.descriptor("x", real), "mediaType": "application/vnd.in-toto+json"}
            ],
        }
    )
    manifest = next(
        content for name, content in files.items() if b'"layers": [' in content and "blobs" in name
    )
    listed = [
        archives.descriptor("manifest.v1+json", manifest, platform=unknown),
        archives.descriptor("manifest.v1+json", about, platform=unknown),
    ]
    files |= {archives.blob_name(about): about, archives.blob_name(real): real}
    container = image(index_of(files, *listed))

    assert archives.read(container) == {f"linux/arm64!{short(BASE)}": BASE}
    assert container.facts["attestations"] == 1
    assert container.findings == []


def test_indexes_may_be_nested_within_limits() -> None:
    """An index that leads to an index is followed, a tower of them refused."""
    files = archives.oci({"linux/arm64": [BASE]})
    for depth in range(1, 5):
        inner = files["index.json"]
        files = index_of(
            {**files, archives.blob_name(inner): inner}, archives.descriptor("index.v1+json", inner)
        )
        if depth < 4:
            assert archives.read(image(files)) == {f"linux/arm64!{short(BASE)}": BASE}

    with pytest.raises(LimitError, match="nested more than"):
        archives.read(image(files))


def test_the_same_image_for_two_platforms_is_seen_twice() -> None:
    """A manifest that is listed for two CPUs is an image of both, to be told by its config."""
    files = archives.oci({"linux/arm64": [BASE]})
    manifest = next(
        content for name, content in files.items() if b'"layers": [' in content and "blobs" in name
    )
    listed = [
        archives.descriptor("manifest.v1+json", manifest, platform=archives.platform(name))
        for name in ("linux/arm64", "linux/s390x", "linux/arm64")
    ]

    assert list(parts(image(index_of(files, *listed)))) == ["linux/arm64", "linux/s390x"]


def test_a_layer_of_very_many_images_ends_by_the_limits() -> None:
    """What a layer costs is counted for each image that has it."""
    layer = bytes(5000)
    files = archives.oci({f"linux/cpu{number}": [layer] for number in range(20)})

    with pytest.raises(LimitError, match="grows more than"):
        archives.skim(
            archives.opened("tar", archives.tar(files), max_ratio=1, ratio_from_bytes=50_000)
        )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("index.json", b"{", "index.json is no JSON"),
        ("index.json", b"[]", "an index without manifests"),
        ("index.json", b"[" * 100_000, "index.json is no JSON"),
        ("index.json", b'{"manifests": [3]}', "'' is no digest"),
        ("index.json", b'{"manifests": [{"digest": "sha256:../x"}]}', "is no digest"),
        ("index.json", b" " * (2 * 1024**2 + 1), "index.json has 2097153 bytes"),
    ],
)
def test_a_damaged_document_is_refused(name: str, content: bytes, words: str) -> None:
    """No shape of a document is believed."""
    files = archives.oci({"linux/arm64": [BASE]})

    with pytest.raises(ArtifactError, match=words):
        archives.read(image({**files, name: content}))


@pytest.mark.parametrize("files", [archives.oci(IMAGES), archives.docker_save([BASE])])
def test_every_truncation_is_refused(files: dict[str, bytes]) -> None:
    """No image archive can be cut between two of its files."""
    content = archives.tar(files)
    end = len(content.rstrip(b"\0"))
    end += -end % 512 + 1024

    for length in {*range(512, end, 512), end + 1, len(content) - 1}:
        with pytest.raises(ArtifactError, match="a truncated "):
            archives.skim(archives.opened("tar", content[:length]))


def test_a_folder_is_read_as_an_archive_is(tmp_path: Path) -> None:
    """A layout on disk gives the same, and no link in it is followed."""
    for name, content in archives.oci(IMAGES).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    whole = archives.read(open_image_folder(tmp_path, archives.guard()))
    blob = tmp_path / archives.blob_name(BASE)
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    linked = open_image_folder(tmp_path, archives.guard())

    assert whole == archives.read(image(archives.oci(IMAGES)))
    assert short(BASE) not in str(list(archives.read(linked)))
    assert linked.findings == [f"a damaged image: the layer {short(BASE)} is not in it"] * 2


def test_another_archive_is_none() -> None:
    """A tar archive that happens to hold files of such names is a tar archive."""
    content = archives.tar({"README": b"x", "manifest.json": b"[]", "index.json": b"{}"})
    container = archives.opened("tar", content)

    assert "format" not in container.facts
    assert set(archives.read(container)) == {"README", "manifest.json", "index.json"}
