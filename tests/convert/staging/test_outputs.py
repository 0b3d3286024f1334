"""Where a command may write: nothing of the user's is lost, and no work is done in vain."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab.teams.plan import Member, TeamPlan
from localcollab_convert.calm.make import make_bridge
from localcollab_convert.calm.request import BridgeRequest
from localcollab_convert.head.make import make_head
from localcollab_convert.head.request import HeadRequest
from localcollab_convert.mixture.make import make_mixture
from localcollab_convert.mixture.request import MixtureRequest
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
    with pytest.raises(BadOption, match=r"model\.gguf, a model, which would be overwritten"):
        require_writable(out)


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadOption, match="its folder cannot be created"):
        require_writable(tmp_path / "file" / "matrix.gguf")
    with pytest.raises(BadOption, match="a folder: give the name of a file in it"):
        require_writable(tmp_path)


MEMBERS = (Member("base", Path("no such model")), Member("m", Path("no such model")))
PLAN, DATA = TeamPlan("t", MEMBERS), Path(__file__)


def bridge(out: Path, work: Path) -> None:
    out = out.with_suffix(".safetensors")
    request = BridgeRequest(
        anchor=MEMBERS[0], augmenting=MEMBERS[1:], data=DATA, out=out, work=work
    )
    make_bridge(request, print, print)


def head(out: Path, work: Path) -> None:
    out = out.with_suffix(".safetensors")
    make_head(HeadRequest(plan=PLAN, data=DATA, out=out, work=work), print, print)


def mixture(out: Path, work: Path) -> None:
    out = out.with_suffix(".json")
    make_mixture(MixtureRequest(plan=PLAN, data=DATA, out=out, work=work), print, print)


@pytest.mark.parametrize("make", [bridge, head, mixture])
def test_training_begins_only_where_its_result_can_be_written(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for suffix in (".json", ".safetensors"):
        (tmp_path / f"model{suffix}").write_bytes(small_llama(n_embd=64).to_bytes())
        (tmp_path / f"folder{suffix}").mkdir()
    for out, work, message in (
        (tmp_path / "folder", tmp_path / "w", "a folder: give the name"),
        (tmp_path / "model", tmp_path / "w", "a model, which would be overwritten"),
        (tmp_path / "out", file, "cannot be created .*: give another `out` or `work`"),
    ):
        with pytest.raises(BadOption, match=message):
            make(out, work)


@pytest.mark.parametrize("make", [bridge, head, mixture])
def test_two_runs_never_train_in_one_folder(
    make: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    held = "import sys; from pathlib import Path\n"
    held += "from localcollab_convert.staging.outputs import hold\n"
    held += "with hold(Path(sys.argv[1]), ''): print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(tmp_path / "w")],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as other:  # fmt: skip
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(BadOption, match=f"process {other.pid} is running here: wait for it"):
            make(tmp_path / "out", tmp_path / "w")
        other.communicate()
