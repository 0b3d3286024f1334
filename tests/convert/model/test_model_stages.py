"""`convert model` as a process: killed, resumed, refused, interrupted."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcollab.catalog import load_catalog
from localcollab.llama.header import read_header
from small_gguf import small_llama
from tiny_models import make_model

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
TYPES = ("F16", "Q8_0", "Q4_K_M")


@dataclass(frozen=True)
class Job:
    source: Path
    cache: Path

    @property
    def data(self) -> Path:
        return self.cache.with_name("data")

    def start(self, out: Path, *more: str, types: tuple[str, ...] = TYPES) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "localcollab.cli.main",
            "convert",
            "model",
            str(self.source),
        ]
        wanted = [part for name in types for part in ("--type", name)]
        paths = (str(ROOT), str(ROOT / "convert"))
        return subprocess.Popen(
            [*command, *wanted, "--name", "small", "--out", str(out), *more],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths),
                 "XDG_CACHE_HOME": str(self.cache), "XDG_DATA_HOME": str(self.data)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, out: Path, *more: str, types: tuple[str, ...] = TYPES) -> tuple[int, str, str]:
        process = self.start(out, *more, types=types)
        said, noted = process.communicate(timeout=300)
        return process.returncode, said, noted

    def kill_at(self, out: Path, seconds: float) -> bool:
        """False: it was done before."""
        process = self.start(out, "--no-verify")
        time.sleep(seconds)
        process.kill()
        process.communicate()
        return process.returncode == -signal.SIGKILL


def hashes(out: Path) -> dict[str, str]:
    found = out.glob("*.gguf*")
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("stages")
    path = folder / "small.gguf"
    path.write_bytes(small_llama(n_embd=256).to_bytes())
    return Job(path, folder / "cache")


@pytest.fixture(scope="module")
def undisturbed(job: Job) -> Path:
    out = job.source.parent / "undisturbed"
    code, _, noted = job.run(out)
    assert code == 0, noted
    return out


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("kind", "n_kills"), [("file", 45), ("folder", 5)])
def test_killed_at_random_moments_it_ends_with_the_same_files(
    job: Job, tmp_path: Path, kind: str, n_kills: int
) -> None:
    # A catalogue of its own: names that it enters are taken.
    source = make_model("llama", tmp_path / "model") if kind == "folder" else job.source
    job = Job(source, tmp_path / "cache")
    started = time.monotonic()
    assert job.run(tmp_path / "whole", "--no-verify")[0] == 0
    seconds = time.monotonic() - started
    expected = hashes(tmp_path / "whole")
    assert len(expected) == len(TYPES)
    chance, killed, out = random.Random(0), 0, 0
    while killed < n_kills:
        folder = tmp_path / f"out-{out}"
        if job.kill_at(folder, chance.uniform(0.1, seconds)):
            killed += 1
        else:  # the machine was busier when it was timed
            seconds *= 0.9
        if folder.is_dir():
            # No half file under a final name, ever.
            assert hashes(folder).items() <= expected.items()
        if killed % 5 == 0 or hashes(folder) == expected:
            code, _, noted = job.run(folder, "--no-verify")
            assert code == 0, noted
            assert hashes(folder) == expected
            assert not list(folder.rglob("*.partial"))
            out += 1


def test_a_second_run_finds_everything_done(job: Job, undisturbed: Path) -> None:
    before = hashes(undisturbed)
    _, _, noted = job.run(undisturbed)
    assert noted.splitlines() == [f"small-{name}.gguf: up to date" for name in TYPES]
    assert hashes(undisturbed) == before


def test_the_catalogue_keeps_how_near_each_file_is_to_its_source(
    job: Job, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(job.data))
    catalog = load_catalog()
    source = hashlib.sha256(job.source.read_bytes()).hexdigest()
    found = {}
    for name in TYPES:
        entry = catalog.model(f"small-{name}")
        assert entry.path == undisturbed / f"small-{name}.gguf"
        assert entry.verified is not None
        assert (entry.verified.against, entry.verified.same_tokenizer) == (source, True)
        found[name] = entry.verified.kl or 0.0
    assert found["F16"] < found["Q8_0"] < found["Q4_K_M"]


def test_the_file_says_what_it_was_made_from(job: Job, undisturbed: Path) -> None:
    made = read_header(undisturbed / "small-Q8_0.gguf").metadata
    sha256 = hashlib.sha256(job.source.read_bytes()).hexdigest()
    assert made["localcollab.source_sha256"] == sha256


def test_tensors_that_cannot_take_the_type_are_told(tmp_path: Path, job: Job) -> None:
    path = tmp_path / "narrow.gguf"
    path.write_bytes(small_llama(n_embd=64).to_bytes())
    narrow = Job(path, job.cache)
    code, said, noted = narrow.run(tmp_path / "out", "--no-verify", "--json", types=("Q4_K_M",))
    assert code == 0, noted
    (made,) = json.loads(said)
    assert len(made["fallbacks"]) == 15
    assert "15 tensors cannot be Q4_K_M" in noted


def test_a_file_of_that_name_that_was_not_made_here_is_kept(job: Job, tmp_path: Path) -> None:
    theirs = tmp_path / "small-Q8_0.gguf"
    theirs.write_text("somebody's")
    code, _, noted = job.run(tmp_path, "--no-verify", types=("Q8_0",))
    assert (code, theirs.read_text()) == (1, "somebody's")
    assert "exists and was not written by this command" in noted


def test_a_quantized_source_is_refused(job: Job, undisturbed: Path, tmp_path: Path) -> None:
    code, _, noted = Job(undisturbed / "small-Q8_0.gguf", job.cache).run(tmp_path / "out")
    assert code == 1
    assert "already quantized" in noted


def test_a_type_that_needs_an_importance_matrix_says_how_to_make_one(
    job: Job, tmp_path: Path
) -> None:
    code, _, noted = job.run(tmp_path / "out", "--no-verify", types=("IQ1_S",))
    assert code == 1
    assert "create one with localcollab convert imatrix" in noted
    assert not list((tmp_path / "out").glob("*.gguf"))


def test_ctrl_c_says_how_to_go_on(job: Job, tmp_path: Path) -> None:
    process = job.start(tmp_path / "out")
    while process.poll() is None and not (tmp_path / "out" / "small.work").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, noted = process.communicate(timeout=60)
    assert process.returncode == 130
    assert noted.splitlines()[-1].endswith("interrupted; run the same command to resume")


def test_a_second_run_beside_the_first_is_refused_and_names_it(job: Job, tmp_path: Path) -> None:
    lock = tmp_path / "out" / "small.work" / "lock"
    first = job.start(tmp_path / "out", "--no-verify")
    while first.poll() is None and not (lock.is_file() and lock.read_bytes()):
        time.sleep(0.002)
    first.send_signal(signal.SIGSTOP)
    code, _, noted = job.run(tmp_path / "out", "--no-verify")
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=300)
    assert (first.returncode, code) == (0, 1)
    assert noted.splitlines()[-1] == (
        f"localcollab: {lock.parent}: process {first.pid} is running here: wait for it to end, or give "
        "another --name or --out"
    )
