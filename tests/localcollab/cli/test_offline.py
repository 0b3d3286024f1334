"""The wheel, alone in an empty environment, answers where there is no network at all."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.weights, pytest.mark.slow]
ROOT = Path(__file__).parents[3]


def run(*command: str | Path, timeout: int = 500) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if run(sys.executable, "-c", "import hatchling").returncode:
        pytest.skip("needs hatchling in this environment to build a wheel")
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", folder)
    built = run(sys.executable, "-m", "pip", "wheel", *options, ROOT)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_catalogue_and_what_ships(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "localcollab" / "shipped").rglob("*")
        if path.is_file()
    }
    assert names >= {"localcollab/models.toml", "localcollab/cli/main.py"} | shipped
    assert not {name for name in names if name.startswith(("tests/", "scripts/"))}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in an environment that holds the wheel and its dependencies only."""
    environment = tmp_path_factory.mktemp("empty") / "venv"
    run(sys.executable, "-m", "venv", environment)
    done = run(environment / "bin" / "pip", "install", "--quiet", wheel)
    if done.returncode:
        pytest.skip(f"the dependencies could not be installed: {done.stderr.strip()[-200:]}")
    return environment / "bin" / "localcollab"


def test_the_installed_command_answers_without_a_network(
    installed: Path, stories: Path, weak_stories: Path, tmp_path: Path
) -> None:
    if shutil.which("unshare") is None or run("unshare", "-rn", "true").returncode:
        pytest.skip("an empty network namespace is not permitted here (unshare -rn)")
    files = ("--base", stories, "--expert", weak_stories)
    shown = run("unshare", "-rn", "sh", "-c", "cat /proc/net/route; cat /proc/net/if_inet6")
    assert shown.stdout.count("\n") <= 1, "the namespace has a route"
    answer = run("unshare", "-rn", installed, "run", *files, "Once upon a time", "--gate", "entropy",
                 "--temperature", "0", "--max-tokens", "24")  # fmt: skip
    assert (answer.returncode, answer.stdout[:27]) == (0, ", there was a little girl n")
