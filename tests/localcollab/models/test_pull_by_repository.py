"""models pull owner/name: any model of the hub, its file chosen, checked, and entered."""

import hashlib
from pathlib import Path

import pytest

from fake_hub import Hub, pull, pulled, serving
from localcollab.catalog import Catalog, ModelEntry, parse_catalog
from localcollab.errors import BadOption
from localcollab.models.offers import is_of_hub
from small_gguf import STRING, in_parts, small_llama

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.slow
MODEL = small_llama().with_key("general.name", STRING, "Tiny").to_bytes()
FILES = ("tiny-Q8_0.gguf", "tiny-Q4_K_M.gguf")
LISTING = {"tags": ["license:apache-2.0"], "gguf": {"total": 1000, "context_length": 512}}


def pull_it(hub: Hub, folder: Path, *words: str) -> tuple[int, str, str]:
    return pull(hub.endpoint, folder, command=("pull", *words))


def test_the_usual_file_is_pulled_checked_and_entered(tmp_path: Path) -> None:
    with serving(Hub(MODEL, files=FILES, listing=LISTING)) as hub:
        code, out, err = pull_it(hub, tmp_path, "owner/name")
    path = pulled(tmp_path, "tiny-Q4_K_M.gguf")
    assert (code, out) == (0, f"pulled owner--name: {path} (sha256 {hub.sha256[:12]})\n"), err
    assert "to download (owner/name/tiny-Q4_K_M.gguf, licence: apache-2.0)" in err
    assert path.read_bytes() == MODEL
    written = tmp_path / "data" / "localcollab" / "catalogs" / "model-owner--name.toml"
    assert parse_catalog(written).models["owner--name"].about == "Tiny"
    known = written.read_text()
    for text in ('licence = "apache-2.0"', f'sha256 = "{hub.sha256}"', "parameters = 1000"):
        assert text in known


def test_a_quantization_and_a_name_are_chosen(tmp_path: Path) -> None:
    with serving(Hub(MODEL, files=FILES)) as hub:
        code, out, err = pull_it(hub, tmp_path, "owner/name:q8_0", "--as", "mine")
        assert (code, out.split(":")[0]) == (0, "pulled mine"), err
        assert pulled(tmp_path, "tiny-Q8_0.gguf").is_file()
        # The same again is here; another file of this name is refused.
        code, out, err = pull_it(hub, tmp_path, "owner/name:q8_0", "--as", "mine")
        assert (code, out.split(":")[0]) == (0, "mine is here already"), err
        code, out, err = pull_it(hub, tmp_path, "owner/name", "--as", "mine")
    assert (code, out) == (1, "")
    assert "a model named 'mine' exists already: give another --as" in err


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        ("GatedRepo", "owner/name: 127.0.0.1"),
        ("RepoNotFound", "has no such repository, or it is private: check the name, or set HF_TOKEN"),
    ],
)  # fmt: skip
def test_a_repository_that_is_closed_says_so(refusal: str, says: str, tmp_path: Path) -> None:
    with serving(Hub(MODEL, refusal=refusal)) as hub:
        code, out, err = pull_it(hub, tmp_path, "owner/name")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    gated = "localcollab: owner/name: its owner asks for consent: give it on the repository's page"
    assert (gated if refusal == "GatedRepo" else says) in err


def test_what_will_not_fit_is_refused_before_a_byte_is_fetched(tmp_path: Path) -> None:
    with serving(Hub(MODEL, files=FILES, claims=2**45)) as hub:
        code, out, err = pull_it(hub, tmp_path, "owner/name")
        assert (code, out) == (1, "")
        assert "owner--name does not fit" in err
        assert "--force fetches it anyway" in err
        assert hub.requests == ["LIST"]
        code, _out, err = pull_it(hub, tmp_path, "owner/name", "--force")
    assert (code, "32768.0 GiB are needed" in err) == (1, True), err


def test_another_file_than_was_listed_is_refused(tmp_path: Path) -> None:
    lfs = {"sha256": "a" * 64, "size": len(MODEL), "pointerSize": 130}
    listing = {"siblings": [{"rfilename": "tiny-Q4_K_M.gguf", "lfs": lfs}]}
    with serving(Hub(MODEL, files=FILES, listing=listing)) as hub:
        code, _out, err = pull_it(hub, tmp_path, "owner/name")
    assert (code, "expected aaaaaaaaaaaa: it was removed" in err) == (1, True)
    assert not any(pulled(tmp_path).parent.iterdir())


def test_an_answer_that_is_no_listing_is_refused(tmp_path: Path) -> None:
    with serving(Hub(MODEL, listing={"siblings": 3})) as hub:
        code, _out, err = pull_it(hub, tmp_path, "owner/name")
    assert (code, "the answer cannot be read (TypeError" in err) == (1, True)


def test_names_and_files_are_told_from_repositories(tmp_path: Path) -> None:
    catalog = Catalog({"a/b": ModelEntry("a/b", Path("x"))})
    assert not is_of_hub(catalog, "a/b")
    assert not is_of_hub(catalog, "smollm2")
    assert is_of_hub(catalog, "c/d:Q4_K_M")
    for name in ("a/b/c", "a b/c", "c/d:"):
        with pytest.raises(BadOption, match="does not name a file of the hub"):
            is_of_hub(catalog, name)
    (tmp_path / "m.gguf").write_bytes(MODEL)
    with pytest.raises(BadOption, match="is a file of this machine: add it"):
        is_of_hub(catalog, str(tmp_path / "m.gguf"))


PARTS = dict(
    zip(
        ("tiny-Q4_K_M-00001-of-00002.gguf", "tiny-Q4_K_M-00002-of-00002.gguf"),
        in_parts(small_llama(), 2), strict=True,
    )
)  # fmt: skip


def test_all_parts_of_a_model_are_pulled_and_entered_as_one(tmp_path: Path) -> None:
    with serving(Hub(b"", files=(*PARTS, "tiny-Q2_K.gguf"), contents=PARTS)) as hub:
        code, out, err = pull_it(hub, tmp_path, "owner/name")
        assert (code, "to download in 2 parts" in err) == (0, True), err
        for name, data in PARTS.items():
            assert pulled(tmp_path, name).read_bytes() == data
        sha256 = hashlib.sha256(b"".join(PARTS.values())).hexdigest()
        assert out.endswith(f"(sha256 {sha256[:12]})\n")
        pulled(tmp_path, "tiny-Q4_K_M-00002-of-00002.gguf").unlink()
        hub.requests.clear()
        code, out, err = pull_it(hub, tmp_path, "owner/name")  # what is here is not fetched again
        assert (code, hub.requests.count("GET 0")) == (0, 1), err
        hub.requests.clear()
        code, out, err = pull_it(hub, tmp_path, "owner/name")  # compared part by part
    assert (code, "0 bytes to download" in err, "GET 0" in hub.requests) == (0, True, False), err


def test_what_the_cache_takes_is_asked_for_before_the_download(tmp_path: Path) -> None:
    with serving(Hub(MODEL, files=FILES)) as hub:
        code, _out, err = pull_it(hub, tmp_path, "owner/name")
    assert (code, hub.requests) == (0, ["LIST", "GET 0-65535", "GET 0"]), err
    written = tmp_path / "data" / "localcollab" / "catalogs" / "model-owner--name.toml"
    assert "kv_bytes_per_token = 128" in written.read_text()
