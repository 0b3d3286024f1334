"""What the tests share: a scripted fake model for logic, real GGUF files for everything else.

LOCALCOLLAB_FIXTURES names a folder of third-party weights; what needs it is skipped without.
"""

import os
import re
import signal
import socket
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from real_models import GEMMA, MINILM, SMOLLM2
from workers import keep_to_own_cores, turn

_WHOLE_FILE = re.compile(r"^pytestmark = (\[[^]]*\]|.*)$", re.MULTILINE)
_EVERY_SAVE = settings(max_examples=10, deadline=None)
_WHOLE_SUITE = settings(deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """A job in a shell's background ignores ctrl-C, and whatever it starts does too: not our children.

    The suite for every save tries a tenth of the examples."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    keep_to_own_cores()
    settings.register_profile("save", _EVERY_SAVE)
    settings.register_profile("whole", _WHOLE_SUITE)
    settings.load_profile("save" if "slow" in _left_out(config) else "whole")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Waits before any time limit of the test begins."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return (yield)
    here = Path(__file__)
    alone = item.get_closest_marker("serial") is not None
    with turn(here, here.with_name("workers.py"), alone=alone):
        return (yield)


def examples(n: int) -> int:
    """So many in the whole suite, a tenth of them in the one for every save."""
    return n * settings().max_examples // _WHOLE_SUITE.max_examples


def _left_out(config: pytest.Config) -> set[str]:
    return set(re.findall(r"not (weights|slow|real)", config.option.markexpr or ""))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real models are weights, too."""
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.weights)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files whose tests are all left out are not imported: torch alone takes seconds."""
    left_out = _left_out(config)
    # The builders of what ships, and the experiments, train models.
    if "slow" in left_out and collection_path.parent.name == "scripts":
        return True if collection_path.name in ("demo", "experiments") else None
    if not left_out or collection_path.suffix != ".py":
        return None
    found = _WHOLE_FILE.search(collection_path.read_text(encoding="utf-8"))
    marks = set(re.findall(r"pytest\.mark\.(\w+)", found[1])) if found else set()
    return True if marks & left_out else None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes are named by their argument: archives hold the time, workers share names."""
    return argname if isinstance(val, bytes) and len(val) > 32 else None


FIXTURES = os.environ.get("LOCALCOLLAB_FIXTURES", "")
REAL = os.environ.get("LOCALCOLLAB_REAL_MODELS", "")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's files, nor another test's; checks of model files are remembered."""
    root = tmp_path_factory.getbasetemp()
    home = root / "homes" / uuid.uuid4().hex
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))


@pytest.fixture(autouse=True)
def _no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is offline: a connection that is tried fails the test."""

    def refuse(self: socket.socket, address: object) -> None:
        raise AssertionError(f"a connection to {address!r} was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def fixture_file(*parts: str) -> Path:
    """A third-party file, or a skip that says what is missing."""
    path = Path(FIXTURES, *parts)
    if not FIXTURES or not path.is_file():
        pytest.skip(f"needs LOCALCOLLAB_FIXTURES with {'/'.join(parts)}")
    return path


@pytest.fixture(scope="session")
def stories() -> Path:
    """A strong 260K TinyStories model: llama, SentencePiece of 512 with byte tokens, F32."""
    return fixture_file("weights", "stories260K-tok512.f32.gguf")


@pytest.fixture(scope="session")
def weak_stories() -> Path:
    """A weaker stranger with the same tokenizer, context 256."""
    return fixture_file("weights", "llama2xs-tok512.f32.gguf")


@pytest.fixture(scope="session")
def rwkv() -> Path:
    """A recurrent model over bytes: its cache cannot rewind."""
    return fixture_file("weights", "rwkv-5v2-730K-bytes.f32.gguf")


def real_model(name: str) -> Path:
    """A model that people use, or a skip that says how to get it."""
    path = Path(REAL, name)
    if not REAL or not path.exists():
        pytest.skip(
            f"needs LOCALCOLLAB_REAL_MODELS with {name}: python scripts/real_models.py FOLDER"
        )
    return path


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct, Q4_1: 49,152 tokens, a chat template."""
    return real_model(SMOLLM2)


@pytest.fixture(scope="session")
def gemma() -> Path:
    """Gemma 3 270M, the base model, Q4_K_M: 262,144 tokens, no chat template."""
    return real_model(GEMMA)


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, a sentence encoder, in safetensors."""
    return real_model(MINILM)
