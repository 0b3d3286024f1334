"""Every script of examples/ runs offline with the shipped models, and prints what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "one_model": ("least sure of", "assistant: You are welcome."),
    "team": ("[formulary]30", "[arithmetic]21", "one:   One dose of Kihelrine is 30 mg. 7 x"),
    "provenance_html": ("written to answer.html",),
    "documents": ("One dose of Kihelrine is 30 mg. [1]", "not found: The next visit is on 13 May."),
    "blend": ("1. formulary: The maker of Kihelrine is Harbor Labs.",),
    "proxy_tuning": ("alpha  0.5: One dose of Kihelrine is 30 mg.",),
    "custom_method": ("In a chat:", "formulary alone:"),
    "train_head": ("The maker of Kihelrine is Harbor Labs.",),
}  # fmt: skip
_SLOW = {"train_head"}
_MARKED = [
    pytest.param(name, marks=[pytest.mark.weights, *[pytest.mark.slow] * (name in _SLOW)])
    for name in SAYS
]


def test_every_example_is_tested() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", _MARKED)
def test_an_example_runs_without_arguments(name: str, tmp_path: Path) -> None:
    script = EXAMPLES / f"{name}.py"
    # llama_cpp leaves a file of its own to the garbage collector.
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", str(script)],
        cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    for said in SAYS[name]:
        assert said in ran.stdout
    if name == "provenance_html":
        page = (tmp_path / "answer.html").read_text(encoding="utf-8")
        assert 'title="formulary: probability' in page
