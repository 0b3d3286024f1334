"""teams export and import: carried whole, verified, resumed; hostile archives get nowhere."""

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hostile import REMEDIES
from localcollab.archives.archive import export_team
from localcollab.archives.unpack import import_team
from localcollab.catalog import load_catalog, models_dir, written_dir
from localcollab.errors import BadArchive, BadCatalog, BadModelFile
from localcollab.models.installed import remove, verify
from small_gguf import STRING, small_llama

pytestmark = pytest.mark.slow

CATALOG = """
[models.a]
path = "a.gguf"
licence = "MIT"
about = "one"
[models.b]
path = "b.gguf"
[models.tuned]
weights_of = "b"
adapter = "lora.gguf"
[heads.h]
path = "h.safetensors"
[teams.t]
method = "deferral"
base = "a"
experts = ["b", "tuned"]
head = "h"
threshold = 0.25
[teams.t.familiar.b]
opening = "# "
least_logprob = -4.0
"""


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a team, and a user who has nothing."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "source"
    folder.mkdir()
    for seed, name in enumerate(("a", "b")):
        (folder / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())
    (folder / "lora.gguf").write_bytes(b"GGUF adapter")
    (folder / "h.safetensors").write_bytes(b"a head")
    (folder / "models.toml").write_text(CATALOG)
    return folder


def exported(source: Path) -> Path:
    out = source.parent / "t.tar"
    if not out.exists():
        export_team("t", out, (source / "models.toml",))
    return out


def test_a_licence_that_only_the_file_states_goes_along(source: Path) -> None:
    stating = small_llama(1).with_key("general.license", STRING, "apache-2.0")
    (source / "b.gguf").write_bytes(stating.to_bytes())
    assert "a: MIT; b: apache-2.0; tuned: not stated" in import_team(exported(source))


def test_a_damaged_model_is_not_sent_along(source: Path) -> None:
    (source / "b.gguf").write_bytes(b"no model")
    with pytest.raises(BadModelFile, match=r"b\.gguf"):
        exported(source)
    assert not list(source.parent.rglob("*.tar*"))


def test_a_team_arrives_as_it_left(source: Path) -> None:
    archive = exported(source)
    here = load_catalog(source / "models.toml")
    said = import_team(archive)
    there = load_catalog()
    assert there.team("t") == here.team("t")
    for name in ("a", "b"):
        assert there.model(name).path.read_bytes() == here.model(name).path.read_bytes()
        assert models_dir() in there.model(name).path.parents
    assert there.model("tuned").adapter is not None
    assert there.trained("heads", "h").path.read_bytes() == b"a head"
    assert "a: MIT; b: not stated" in said
    assert {found.state for name in "ab" for found in verify(name)} == {"sound"}


def test_the_same_team_gives_the_same_archive_and_no_file_is_replaced(source: Path) -> None:
    archive = exported(source)
    again = source.parent / "again.tar"
    export_team("t", again, (source / "models.toml",))
    assert again.read_bytes() == archive.read_bytes()
    with pytest.raises(BadArchive, match="already exists: give another name"):
        export_team("t", again, (source / "models.toml",))


def test_a_broken_import_goes_on_behind_the_last_whole_file(source: Path) -> None:
    archive = exported(source)
    whole = archive.read_bytes()
    cut = source.parent / "cut.tar"
    n_files = []
    for size in range(0, len(whole), len(whole) // 12):
        cut.write_bytes(whole[:size])
        with pytest.raises(BadArchive):
            import_team(cut)
        n_files.append(sum(path.is_file() for path in models_dir().rglob("*")))
        assert not list(models_dir().rglob("*.partial"))
        assert not written_dir().exists()
    assert n_files == sorted(n_files)
    assert n_files[-1] > 0
    import_team(archive)
    assert load_catalog().models_of(load_catalog().team("t")) == ("a", "b", "tuned")


def test_importing_twice_changes_nothing(source: Path) -> None:
    import_team(exported(source))
    before = {p: p.stat().st_mtime_ns for p in models_dir().parent.rglob("*") if p.is_file()}
    import_team(exported(source))
    after = {p: p.stat().st_mtime_ns for p in models_dir().parent.rglob("*") if p.is_file()}
    assert before == after


def test_a_team_that_is_here_is_not_copied(source: Path) -> None:
    own = source.parent / "config" / "localcollab" / "models.toml"
    own.parent.mkdir(parents=True)
    own.write_text((source / "models.toml").read_text())
    for file in source.iterdir():
        if file.suffix != ".toml":
            (own.parent / file.name).write_bytes(file.read_bytes())
    said = import_team(exported(source))
    assert said == "t is already installed, with the same files: nothing was imported"
    assert not models_dir().exists()


def test_a_name_that_is_taken_is_refused(source: Path) -> None:
    own = source.parent / "config" / "localcollab" / "models.toml"
    own.parent.mkdir(parents=True)
    (own.parent / "mine.gguf").write_bytes(small_llama(9).to_bytes())
    own.write_text('[models.a]\npath = "mine.gguf"\n')
    with pytest.raises(BadArchive, match="another model is already named 'a'"):
        import_team(exported(source))
    assert not models_dir().exists()


def test_an_imported_model_can_be_removed(source: Path) -> None:
    import_team(exported(source))
    path = load_catalog().model("a").path
    assert remove("a") == f"{path} is removed"
    with pytest.raises(BadCatalog, match="base names 'a', but there is no"):
        load_catalog().team("t")


def test_a_team_with_a_missing_file_is_not_exported(source: Path) -> None:
    (source / "b.gguf").unlink()
    with pytest.raises(BadArchive, match=r"b\.gguf: no such file, and an archive needs every file"):
        export_team("t", source.parent / "x.tar", (source / "models.toml",))
    assert not (source.parent / "x.tar").exists()


@dataclass
class Parts:
    """An archive taken apart, to be put together wrongly."""

    manifest: dict[str, Any]
    members: list[tuple[tarfile.TarInfo, bytes]] = field(default_factory=list)

    def write(self, path: Path) -> Path:
        text = json.dumps(self.manifest).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(text)
        with tarfile.open(path, "w") as tar:
            tar.addfile(info, io.BytesIO(text))
            for member, data in self.members:
                tar.addfile(member, io.BytesIO(data))
        return path


def taken_apart(archive: Path) -> Parts:
    with tarfile.open(archive) as tar:
        members = [(m, f.read()) for m in tar if (f := tar.extractfile(m)) is not None]
    return Parts(json.loads(members[0][1]), members[1:])


def _link(kind: bytes, target: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        member = parts.members[0][0]
        member.type, member.linkname = kind, target

    return change


def _rename(name: str) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        old = parts.members[0][0].name
        parts.members[0][0].name = name
        parts.manifest = json.loads(json.dumps(parts.manifest).replace(old, name))

    return change


def _set(*keys: Any) -> Callable[[Parts], None]:
    *path, last, value = keys

    def change(parts: Parts) -> None:
        at: Any = parts.manifest
        for key in path:
            at = at[key]
        at[last] = value

    return change


def _other_bytes(parts: Parts) -> None:
    member, data = parts.members[0]
    parts.members[0] = (member, b"X" + data[1:])


def _extra(parts: Parts) -> None:
    info = tarfile.TarInfo("../../outside")
    info.size = 4
    parts.members.append((info, b"evil"))


def _twice(parts: Parts) -> None:
    parts.members.append(parts.members[0])


def _bomb(parts: Parts) -> None:
    parts.manifest["files"][0]["size_bytes"] = 2**60


HOSTILE: dict[str, Callable[[Parts], None]] = {
    "a file outside": _extra,
    "a path upwards": _rename("../../../outside"),
    "an absolute path": _rename("/tmp/outside"),
    "a path in a file's name": _rename("files/" + "0" * 64 + "/../../outside"),
    "a hidden name": _rename("files/" + "0" * 64 + "/.profile"),
    "a symbolic link": _link(tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": _link(tarfile.LNKTYPE, "/etc/passwd"),
    "a device": _link(tarfile.CHRTYPE, ""),
    "a FIFO": _link(tarfile.FIFOTYPE, ""),
    "a sparse file": _link(tarfile.GNUTYPE_SPARSE, ""),
    "other bytes": _other_bytes,
    "a file twice": _twice,
    "a size of an exabyte": _bomb,
    "a negative size": _set("files", 0, "size_bytes", -1),
    "a size that is a text": _set("files", 0, "size_bytes", "9"),
    "a hash that is another": _set("files", 0, "sha256", "0" * 64),
    "no files": _set("files", []),
    "files that are a number": _set("files", 3),
    "another format": _set("format", "localcollab-team-99"),
    "another team": _set("team", "u"),
    "a team that climbs": _set("team", "../t"),
    "a model's path outside": _set("catalog", "models", "a", "path", "/etc/passwd"),
    "a model's path missing": _set("catalog", "models", "a", {"about": "x"}),
    "an adapter outside": _set("catalog", "models", "tuned", "adapter", "/etc/passwd.gguf"),
    "a head outside": _set("catalog", "heads", "h", "path", "../../x"),
    "weights that are not there": _set("catalog", "models", "tuned", "weights_of", "t"),
    "weights of itself": _set("catalog", "models", "tuned", "weights_of", "tuned"),
    "an expert that is not there": _set("catalog", "teams", "t", "experts", ["x", "tuned"]),
    "a team within itself": _set("catalog", "teams", "t", "experts", ["t", "tuned"]),
    "a head that is not there": _set("catalog", "teams", "t", "head", "x"),
    "an unknown key": _set("catalog", "teams", "t", "run", "rm -rf"),
    "a catalogue that is a list": _set("catalog", []),
    "a catalogue that is a text": _set("catalog", "{}"),
    "a catalogue that is nothing": _set("catalog", None),
    "teams that are nothing": _set("catalog", "teams", None),
    "licences that are a list": _set("licences", []),
    "a name that climbs": _set("catalog", "models", "../../a", {"path": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_gets_nowhere(kind: str, source: Path) -> None:
    parts = taken_apart(exported(source))
    HOSTILE[kind](parts)
    archive = parts.write(source.parent / "hostile.tar")
    before = {path for path in source.parent.rglob("*") if path.is_file()}
    with pytest.raises(BadArchive) as caught:
        import_team(archive)
    assert str(caught.value).startswith(f"{archive}: ")
    assert "\n" not in str(caught.value)
    assert REMEDIES.search(str(caught.value))
    assert "t" not in load_catalog().teams
    added = {path for path in source.parent.rglob("*") if path.is_file()} - before
    assert all(models_dir() / "imported" in path.parents for path in added)
    assert not written_dir().exists()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04" + b"0" * 999, b"\x1f\x8b\x08" + b"0" * 999, b"0" * 4096]
)
def test_what_is_no_archive_is_said_to_be_none(data: bytes, tmp_path: Path) -> None:
    archive = tmp_path / "no.tar"
    archive.write_bytes(data)
    with pytest.raises(BadArchive, match=r"no.tar: "):
        import_team(archive)
