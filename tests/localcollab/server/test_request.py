"""What `localcollab serve` refuses before it loads anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.cli.serve import serve
from localcollab.errors import BadOption, LocalcollabError
from localcollab.server.request import ServeRequest


@pytest.mark.parametrize(
    "options",
    [
        {"port": 70_000}, {"parallel": 0}, {"queue": -1}, {"max_body": 1}, {"keep_alive": -1.0},
        {"origins": ("localhost",)}, {"origins": ("http://a/b",)}, {"host": "0.0.0.0"},
        {"host": "192.168.1.2"}, {"host": "::"}, {"prompt_cache_gb": -1.0},
        {"prompt_cache_gb": float("nan")}, {"prompt_cache_gb": 1.0, "exact": True},
    ],
)  # fmt: skip
def test_a_bad_option_is_named(options: dict[str, object]) -> None:
    with pytest.raises(BadOption) as refused:
        ServeRequest(**options)  # type: ignore[arg-type]
    assert refused.value.parameter in options


def test_another_address_is_allowed_with_a_token(tmp_path: Path) -> None:
    assert not ServeRequest(host="0.0.0.0", token_file=tmp_path / "key").is_local


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes")
def test_a_missing_token_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "key"
    token = ServeRequest(token_file=path).token()
    assert token is not None
    assert len(token) > 30
    assert path.stat().st_mode & 0o777 == 0o600
    assert ServeRequest(token_file=path).token() == token


@pytest.mark.skipif(os.name != "posix", reason="files have no such modes")
def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("long enough\n")
    path.chmod(0o644)
    with pytest.raises(BadOption, match="chmod 600"):
        ServeRequest(token_file=path).token()


@pytest.mark.parametrize("text", ["", "short", "with a space in it", "ключ-ключ-ключ"])
def test_a_token_that_no_client_can_send_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(BadOption):
        ServeRequest(token_file=path).token()


def test_without_the_extra_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "localcollab.server.serve", raising=False)
    with pytest.raises(
        LocalcollabError, match=r"needs uvicorn: pip install 'localcollab\[server\]'"
    ):
        serve(["model.gguf"])


def test_what_is_checked_first_imports_no_server_library() -> None:
    names = ("starlette", "uvicorn", "h11")
    code = f"import localcollab.cli.serve, sys; print([n for n in {names} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
