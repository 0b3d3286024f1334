"""models pull: resumed, hashed, refused; and nothing else opens a connection."""

import ast
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fake_hub import CATALOG, Hub, pull, pulled, pulling, serving
from small_gguf import small_llama

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.slow
PACKAGES = ("localcollab", "convert/localcollab_convert", "tui/localcollab_tui")


@pytest.fixture(scope="module")
def content() -> bytes:
    model = small_llama().to_bytes()
    return model + random.Random(1).randbytes(7 * 2**20)


def test_a_pull_broken_off_at_twenty_random_bytes_resumes_and_verifies(
    content: bytes, tmp_path: Path
) -> None:
    rng = random.Random(7)
    hub = Hub(content, cuts=[rng.randrange(1, 600_000) for _ in range(20)])
    with serving(hub):
        code, out, err = pull(hub.endpoint, tmp_path)
    assert (code, hub.cuts) == (0, []), err
    assert pulled(tmp_path).read_bytes() == content
    assert hub.sha256[:12] in out
    starts = [int(request.split()[1]) for request in hub.requests]
    assert starts == sorted(starts), "bytes that were here were fetched again"
    assert starts[-1] > 0
    assert list(pulled(tmp_path).parent.iterdir()) == [pulled(tmp_path)]


def test_what_needs_no_pull_is_named(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "localcollab.cli.main", "models", "pull", "formulary-base"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True,
        env=os.environ | {"XDG_DATA_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.startswith("formulary-base is here already: ")


def test_what_is_here_and_sound_is_not_asked_for_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f'{CATALOG}sha256 = "{Hub(content).sha256}"\n')
    with serving(Hub(content)) as hub:
        pull(hub.endpoint, tmp_path)
    code, out, err = pull("http://127.0.0.1:9", tmp_path)
    assert (code, out) == (0, f"tiny is here already: {pulled(tmp_path)}\n"), err


def test_a_killed_pull_resumes_where_it_was(content: bytes, tmp_path: Path) -> None:
    hub = Hub(content, cuts=[2 * 2**20] + [0] * 99)  # then the server gives nothing more
    with serving(hub):
        child = pulling(hub.endpoint, tmp_path)
        deadline = time.monotonic() + 120
        while len(hub.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.kill()
        child.communicate()
        hub.cuts.clear()
        hub.requests.clear()
        code, _out, err = pull(hub.endpoint, tmp_path)
    assert code == 0, err
    assert hub.requests == [f"GET {2 * 2**20}"]
    assert pulled(tmp_path).read_bytes() == content


def test_a_wrong_hash_is_refused_and_removed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f'{CATALOG}sha256 = "{"0" * 64}"\n')
    with serving(Hub(content)) as hub:
        code, _out, err = pull(hub.endpoint, tmp_path)
    assert code == 1
    assert f"has sha256 {hub.sha256[:12]}, expected 000000000000: it was removed" in err
    assert not any(pulled(tmp_path).parent.iterdir())


def test_a_replaced_file_is_told_by_its_size(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(f"{CATALOG}size_bytes = 5\n")
    with serving(Hub(content)) as hub:
        code, _out, err = pull(hub.endpoint, tmp_path)
    assert code == 1
    assert "the catalogue says 5: the file was replaced" in err


def test_without_a_server_the_message_says_what_to_do(tmp_path: Path) -> None:
    code, _out, err = pull("http://127.0.0.1:9", tmp_path)
    assert code == 1
    assert err.splitlines()[-1].startswith(
        "localcollab: tiny: owner/name/tiny.gguf: 127.0.0.1:9 cannot"
    )
    assert "HF_ENDPOINT" in err


def test_a_missing_file_is_said_to_be_missing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(CATALOG.replace("tiny.gguf", "other.gguf"))
    with serving(Hub(content)) as hub:
        code, _out, err = pull(hub.endpoint, tmp_path)
    assert code == 1
    assert "localcollab: tiny: owner/name/other.gguf: 127.0.0.1" in err


def test_what_cannot_fit_is_refused_without_force(content: bytes, tmp_path: Path) -> None:
    huge = CATALOG.replace("= 64", "= 1_000_000_000_000")
    (tmp_path / "hub.toml").write_text(huge)
    with serving(Hub(content)) as hub:
        refused, _out, err = pull(hub.endpoint, tmp_path)
        assert (refused, "does not fit" in err, hub.requests) == (1, True, [])
        forced, _out, err = pull(hub.endpoint, tmp_path, "--force")
    assert forced == 0, err


def test_only_pull_and_converter_name_what_can_open_connections() -> None:
    root = Path(__file__).parents[3]
    known = {"socket", "http", "urllib.request", "requests", "httpx", "httpx2", "huggingface_hub",
             "ftplib", "smtplib", "aiohttp", "urllib3"}  # fmt: skip
    users = set()
    for package in PACKAGES:
        for file in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.module:
                    names = [node.module]
                if any(n in known or n.split(".")[0] in known for n in names):
                    users.add(file.relative_to(root).as_posix())
    listens = {"localcollab/server/serve.py", "localcollab/server/protocol.py"}
    fetches = {"localcollab/models/hub.py", "localcollab/models/pull.py"}
    # To an address that the user named: --server, a worker, --ray.
    named = {
        "tui/localcollab_tui/remote/connection.py", "localcollab/llama/rpc.py",
        "localcollab/isolation/worker.py", "localcollab/sharding/by_ray.py",
    }  # fmt: skip
    assert users == fetches | listens | named
