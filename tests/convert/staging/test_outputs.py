"""Where a command may write: nothing of the user's is lost, and no work is done in vain."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.calm import command as calm_command
from localcollab_convert.calm import request as calm_request
from localcollab_convert.head import command as head_command
from localcollab_convert.head import request
from localcollab_convert.mixture import make as make_mixture
from localcollab_convert.staging.outputs import require_writable
from small_gguf import small_llama

pytestmark = pytest.mark.slow


def test_a_folder_is_made_and_an_older_result_may_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "new" / "matrix.gguf"
    require_writable(out)
    assert out.parent.is_dir()
    out.write_bytes(b"GGUF, but no model")
    require_writable(out)


def test_a_model_is_not_replaced(tmp_path: Path) -> None:
    out = tmp_path / "model.gguf"
    out.write_bytes(small_llama(n_embd=64).to_bytes())
    with pytest.raises(BadOption, match=r"model\.gguf: is a model, which would be lost"):
        require_writable(out)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="its folder cannot be made"):
        require_writable(tmp_path / "file" / "matrix.gguf")
    with pytest.raises(BadOption, match="is a folder"):
        require_writable(tmp_path)


def make_bridge(out: Path, work: Path) -> None:
    member = Member("m", Path("no such model"))
    asked = calm_request.Request(member, (member,), data=Path(__file__), out=out, work=work)
    calm_command.run(asked, as_json=False)


def make_head(out: Path, work: Path) -> None:
    head_command.run(asked_of_a_team(out, work), None, as_json=False)


def fit_mixture(out: Path, work: Path) -> None:
    make_mixture.make_mixture(asked_of_a_team(out, work), print, print)


def asked_of_a_team(out: Path, work: Path) -> request.Request:
    members = (Member("base", Path("no such model")), Member("m", Path("no such model")))
    return request.Request(TeamPlan("t", members), data=Path(__file__), out=out, work=work)


@pytest.mark.parametrize("make", [make_bridge, make_head, fit_mixture])
def test_training_begins_only_where_its_result_can_be_written(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    model, file = tmp_path / "model", tmp_path / "file"
    model.write_bytes(small_llama(n_embd=64).to_bytes())
    file.write_text("")
    for out, work, message in (
        (tmp_path, tmp_path / "w", "is a folder"),
        (model, tmp_path / "w", "is a model, which would be lost"),
        (tmp_path / "out", file, "cannot be made .*: give another --out or --work"),
    ):
        with pytest.raises(BadOption, match=message):
            make(out, work)


@pytest.mark.parametrize("make", [make_bridge, make_head, fit_mixture])
def test_two_runs_never_train_in_one_folder(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    held = (
        "import sys; from pathlib import Path; from localcollab_convert.staging.lock import hold\n"
    )
    held += "with hold(Path(sys.argv[1]), ''): print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path / "w")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(BadOption, match=f"process {other.pid} is at work here: wait for it"):
            make(tmp_path / "out", tmp_path / "w")
        other.communicate()
