"""The real command on a pair of real strangers: a strong and a weak story model of one tokenizer."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcollab.decoding.answer_text import Limits
from localcollab.decoding.generate import generate
from localcollab.decoding.sampling import Sampling
from localcollab.events import Finished
from localcollab.llama.options import Options
from localcollab.methods.heads import load_head
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_files

pytestmark = pytest.mark.weights
ROOT = Path(__file__).parents[3]
N_TEXTS, N_TOKENS = 60, 48


# kill -9 at the n-th renaming to a name that ends so, just before or just after it.
DIE = """
import os, signal, sys
from localcollab.cli.main import main
when, ending, n = sys.argv[1:4]
del sys.argv[1:4]
rename, left = os.replace, int(n)
def replace(source, target):
    global left
    left -= str(target).endswith(ending)
    if when == "before" and not left:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace
main()
"""


@dataclass(frozen=True)
class Job:
    """A command line in an environment of its own."""

    folder: Path
    arguments: tuple[str, ...]

    def start(
        self, out: Path, *more: str, program: Sequence[str] = ("-m", "localcollab.cli.main")
    ) -> subprocess.Popen[str]:
        command = [sys.executable, *program, "convert", "head", *self.arguments]
        paths = (str(ROOT), str(ROOT / "convert"))
        own = {
            name: str(self.folder / name)
            for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "MPLCONFIGDIR")
        }
        return subprocess.Popen(
            [*command, "--out", str(out), *more],
            env={**os.environ, **own, "PYTHONPATH": os.pathsep.join(paths)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, out: Path, *more: str) -> tuple[int, str, str]:
        process = self.start(out, *more)
        said, noted = process.communicate(timeout=300)
        return process.returncode, said, noted


@pytest.fixture(scope="module")
def job(stories: Path, weak_stories: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Texts sampled from BOTH models, as completions of a short prompt."""
    folder = tmp_path_factory.mktemp("convert-head")
    data = folder / "data.jsonl"
    plan = plan_from_files(stories, [weak_stories])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "XDG_CACHE_HOME"))
        team = open_team(plan, Options(n_ctx=256, n_threads=1))
    lines = []
    for n in range(N_TEXTS):
        model = list(team.members.values())[n % 2]
        prompt = model.vocabulary.encode("Once upon a time", bos=True)
        *_, done = generate(
            model, prompt, Sampling(temperature=1.0, seed=n), Limits(max_tokens=N_TOKENS)
        )
        assert isinstance(done, Finished)
        lines.append(json.dumps({"prompt": "Once upon a time", "completion": done.text}))
    data.write_text("".join(line + "\n" for line in lines))
    arguments = ("--base", str(weak_stories), "--expert", str(stories), "--data", str(data))
    # One thread: models this small gain nothing from two, and lose much on a busy machine.
    settings = ("--metric", "f1", "--calibrate-on", "3", "--seed", "5", "--threads", "1")
    return Job(folder, (*arguments, *settings))


@pytest.fixture(scope="module")
def undisturbed(job: Job) -> Path:
    out = job.folder / "undisturbed.safetensors"
    code, _, noted = job.run(out)
    assert code == 0, noted
    return out


def test_the_head_beats_the_better_model_and_the_equal_mixture(undisturbed: Path) -> None:
    nll = load_head(undisturbed).metadata.metrics
    assert nll["oracle"] < nll["head"] < min(nll["base"], nll["expert 1"], nll["mixture"])


def test_the_curve_is_written_beside_the_head(undisturbed: Path) -> None:
    curve = json.loads(undisturbed.with_suffix(".curve.json").read_text())
    thresholds = [point["threshold"] for point in curve["points"]]
    assert 0.5 in thresholds
    assert curve["threshold"] in thresholds
    assert undisturbed.with_suffix(".curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_second_run_finds_everything_done(job: Job, undisturbed: Path) -> None:
    _, _, noted = job.run(undisturbed)
    assert noted.splitlines() == [f"{s}: up to date" for s in ("export", "train", "calibrate")]


def test_another_seed_recomputes_every_stage_and_says_so(job: Job, undisturbed: Path) -> None:
    out = job.folder / "seed.safetensors"
    job.run(out, "--stage", "export")
    _, _, noted = job.run(out, "--stage", "export", "--seed", "6")
    assert noted.startswith("export: recomputed, because these changed: split")


def test_few_data_give_a_head_that_is_no_worse_than_the_equal_mixture(job: Job) -> None:
    out = job.folder / "few.safetensors"
    code, said, noted = job.run(out, "--seed", "0", "--stage", "export")
    assert (code, "shards" in said) == (0, True), noted
    code, said, noted = job.run(out, "--seed", "0", "--stage", "train", "--json")
    nll = json.loads(said)["nll"]
    assert nll["head"] < nll["mixture"], noted


@pytest.mark.parametrize(
    "moment",
    [
        "after export/manifest.json 1",
        "before train-00000.safetensors 1",
        "after train-00000.safetensors 1",
        "before train/manifest.json 1",
        "after checkpoint-0.01.pt 1",
        "before head.safetensors 1",
        "after alone.json 1",
        "before threshold-05.json 1",
        "before .curve.png 1",
        "before killed.safetensors 1",
    ],
)
def test_a_killed_run_resumes_to_the_identical_file(
    job: Job, undisturbed: Path, tmp_path: Path, moment: str
) -> None:
    out = tmp_path / "killed.safetensors"
    process = job.start(out, program=("-c", DIE, *moment.split()))
    _, noted = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL, noted
    assert not out.exists()
    code, _, noted = job.run(out)
    assert code == 0, noted
    assert out.read_bytes() == undisturbed.read_bytes()


def test_ctrl_c_says_how_to_go_on(job: Job) -> None:
    out = job.folder / "interrupted.safetensors"
    process = job.start(out)
    while process.poll() is None and not out.with_name(out.name + ".work").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, noted = process.communicate(timeout=60)
    assert process.returncode == 130
    assert noted.splitlines()[-1].endswith("interrupted; run the same command to resume")


def test_a_head_that_beats_no_member_is_refused(job: Job, stories: Path) -> None:
    out = job.folder / "refused.safetensors"
    same = ("--base", str(stories), "--expert", str(stories), *job.arguments[4:])
    code, _, noted = Job(job.folder, same).run(out)
    assert (code, out.exists()) == (1, False)
    assert "the head is no better than base alone" in noted


def test_force_writes_it_all_the_same(job: Job, stories: Path) -> None:
    out = job.folder / "refused.safetensors"
    same = ("--base", str(stories), "--expert", str(stories), *job.arguments[4:])
    code, _, noted = Job(job.folder, same).run(out, "--force")
    assert (code, out.exists()) == (0, True), noted


def test_a_stage_out_of_order_says_what_to_run_first(job: Job) -> None:
    code, _, noted = job.run(job.folder / "order.safetensors", "--stage", "train")
    assert code == 1
    assert "run it first (--stage export)" in noted


def test_plain_text_is_calibrated_without_generating(job: Job) -> None:
    text = job.folder / "text.txt"
    lines = (job.folder / "data.jsonl").read_text().splitlines()
    text.write_text("\n".join("Once upon a time" + json.loads(x)["completion"] for x in lines))
    arguments = (
        *job.arguments[:4],
        "--data",
        str(text),
        "--json",
        "--n-ctx",
        "128",
        "--threads",
        "1",
    )
    code, said, noted = Job(job.folder, arguments).run(job.folder / "text.safetensors")
    assert code == 0, noted
    assert json.loads(said)["metric"] == "logprob"
