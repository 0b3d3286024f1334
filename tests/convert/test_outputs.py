"""Where a command may write: nothing of the user's is lost, and no work is done in vain."""

from pathlib import Path

import pytest

from localcollab.errors import BadOption
from localcollab_convert.outputs import require_writable
from small_gguf import small_llama


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
