"""models list, show, add, rm, verify: what is kept, what is only linked, and what is never touched."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from localcollab.catalog import load_catalog, models_dir, pulled_path, written_dir
from localcollab.errors import BadCatalog, BadModelFile, BadOption
from localcollab.models.installed import add, remove, verify
from localcollab.models.listing import records, total_line
from localcollab.models.other_programs import Found, find_everywhere
from localcollab.models.store import model_text, write_model
from small_gguf import STRING, small_llama

MODEL = small_llama().with_key("general.license", STRING, "mit").to_bytes()
SHA256 = hashlib.sha256(MODEL).hexdigest()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with nothing at all."""
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    for variable in ("OLLAMA_MODELS", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def put(path: Path, data: bytes = MODEL) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def in_ollama(home: Path) -> Path:
    store = home / ".ollama" / "models"
    blob = put(store / "blobs" / f"sha256-{SHA256}")
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": f"sha256:{'1' * 64}"},
        {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{SHA256}"},
    ]
    manifest = store / "manifests" / "registry.ollama.ai" / "library" / "tiny" / "1b"
    put(manifest, json.dumps({"schemaVersion": 2, "layers": layers}).encode())
    put(manifest.with_name("broken"), b"{")
    put(manifest.with_name("odd"), b'{"layers": [1, {"mediaType": 2}]}')
    return blob


def in_hub_cache(home: Path) -> Path:
    folder = home / ".cache" / "huggingface" / "hub" / "models--owner--name"
    other = MODEL + b"x"
    blob = put(folder / "blobs" / hashlib.sha256(other).hexdigest(), other)
    link = folder / "snapshots" / ("2" * 40) / "hubby.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    return link


def test_what_other_programs_hold_is_found(home: Path) -> None:
    blob, link = in_ollama(home), in_hub_cache(home)
    studio = put(home / ".lmstudio" / "models" / "owner" / "name" / "studio.gguf", MODEL + b"yy")
    put(studio.with_name("not.gguf"), b"no model")
    n = len(MODEL)
    assert find_everywhere() == [
        Found("hubby", link, n + 1, "Hub cache", "owner/name",
              hashlib.sha256(MODEL + b"x").hexdigest()),
        Found("studio", studio, n + 2, "LM Studio", "owner/name"),
        Found("tiny-1b", blob, n, "Ollama", None, SHA256),
    ]  # fmt: skip


def test_a_name_of_another_program_is_linked_not_copied(home: Path) -> None:
    blob = in_ollama(home)
    entry = add("tiny-1b", None)
    assert load_catalog().model("tiny-1b") == entry
    assert (entry.path, entry.sha256, entry.licence, entry.n_ctx) == (blob, SHA256, "mit", 256)
    assert not models_dir().exists()
    assert remove("tiny-1b") == f"{blob} was not pulled by localcollab and stays where it is"
    assert blob.read_bytes() == MODEL
    assert "tiny-1b" not in load_catalog().models


def test_a_file_is_added_under_a_name_of_its_own(home: Path) -> None:
    path = put(home / "odd name.gguf")
    assert add(str(path), "mine").path == path
    with pytest.raises(BadOption, match="named 'formulary' exists already"):
        add(str(path), "formulary")
    with pytest.raises(BadOption, match="named 'mine' exists already"):
        add(str(put(home / "second.gguf")), "mine")
    with pytest.raises(BadOption, match=r"the name '\.\./up' cannot be used"):
        add(str(path), "../up")
    with pytest.raises(BadModelFile, match="no such file, and no such model in Ollama"):
        add("nowhere", None)
    with pytest.raises(BadModelFile, match="starts with b'noth'"):
        add(str(put(home / "bad.gguf", b"nothing but text here......")), None)
    assert [file.name for file in written_dir().iterdir()] == ["model-mine.toml"]


def shared(home: Path) -> Path:
    """Two models of the user's own file that name one file of a hub; it was pulled for both."""
    path = put(pulled_path("owner/name", "both.gguf"))
    catalog = home / "both.toml"
    entry = '[models.{}]\nrepository = "owner/name"\nfile = "both.gguf"\n'
    catalog.write_text(entry.format("one") + entry.format("two"))
    for model in load_catalog(catalog).models.values():
        if model.name in ("one", "two"):
            write_model(model, None)
    return path


def test_a_shared_file_goes_with_its_last_user(home: Path) -> None:
    path = shared(home)
    assert remove("one") == f"{path} stays: two uses it"
    assert path.is_file()
    assert remove("two") == f"{path} is removed"
    assert not path.parent.exists()


def test_what_a_pull_found_out_is_kept_beside_the_users_own_entry(home: Path) -> None:
    put(pulled_path("o/n", "m.gguf"))
    own = home / "own.toml"
    own.write_text('[models.m]\nrepository = "o/n"\nfile = "m.gguf"\nabout = "mine"\n')
    write_model(replace(load_catalog(own).model("m"), sha256=SHA256, size_bytes=len(MODEL)), None)
    entry = load_catalog(own).model("m")
    assert (entry.about, entry.sha256, entry.size_bytes) == ("mine", SHA256, len(MODEL))
    assert [found.state for found in verify("m", (own,))] == ["sound"]


def test_what_ships_or_is_the_users_own_cannot_be_removed(home: Path) -> None:
    with pytest.raises(BadOption, match="neither added nor pulled"):
        remove("formulary")


def test_weights_under_an_adapter_stay(home: Path) -> None:
    add(str(put(home / "base.gguf")), "base")
    own = home / "own.toml"
    own.write_text('[models.tuned]\nweights_of = "base"\nadapter = "lora.gguf"\n')
    with pytest.raises(BadOption, match="'base' is needed by tuned: remove that first"):
        remove("base", (own,))


def test_verify_tells_sound_changed_and_missing_apart(home: Path) -> None:
    for name in ("sound", "changed", "gone"):
        add(str(put(home / f"{name}.gguf")), name)
    put(home / "changed.gguf", MODEL[:-1] + b"!")
    (home / "gone.gguf").unlink()
    states = {name: next(iter(verify(name))).state for name in ("sound", "changed", "gone")}
    assert states == {"sound": "sound", "changed": "changed", "gone": "missing"}
    assert "gone" not in [found.name for found in verify(None)]


def test_the_list_counts_a_shared_file_once(home: Path) -> None:
    shared(home)
    size = f"{len(MODEL) / 1024:.1f} KiB"
    assert total_line(records(load_catalog())).endswith(f", of which localcollab keeps {size}")
    found = {record["name"]: record for record in records(load_catalog())}
    assert (found["one"]["installed"], found["one"]["kept_by"]) == (True, "localcollab")
    assert (found["qwen2.5-7b"]["installed"], found["qwen2.5-7b"]["kept_by"]) == (False, "nobody")


def test_a_written_entry_reads_back_as_it_was(home: Path) -> None:
    entry = add(str(put(home / 'ö "quoted" ☃.gguf')), "snow")
    assert json.loads(model_text(entry, "p").splitlines()[1].partition("=")[2]) == "p"
    assert load_catalog().model("snow") == entry


def test_a_written_catalogue_that_was_edited_is_checked_again(home: Path) -> None:
    add(str(put(home / "m.gguf")), "m")
    file = written_dir() / "model-m.toml"
    file.write_text(file.read_text() + "sise_bytes = 3\n")
    with pytest.raises(BadCatalog, match="unknown key 'sise_bytes': did you mean size_bytes"):
        load_catalog().model("m")


def test_what_ships_is_compared_with_the_manifest_it_ships_with() -> None:
    assert [found.state for found in verify("formulary")] == ["sound"]
