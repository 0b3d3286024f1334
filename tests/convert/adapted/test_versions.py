"""An adapted expert that learns more files, and one that forgets one, by the command line."""

import json
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.catalog import load_catalog
from localcollab.cli.docs import app as docs
from localcollab.documents.collection import Collection, collections_folder, open_collection
from localcollab.errors import BadOption
from localcollab_convert.adapted.make import make_adapted
from localcollab_convert.adapted.request import AdaptedRequest
from localcollab_convert.adapted.versions import find_current
from localcollab_convert.study.card import load_card
from localcollab_convert.study.texts import read_texts

pytestmark = [pytest.mark.weights, pytest.mark.slow]


def add_files(folder: Path, n: int) -> None:
    folder.mkdir(exist_ok=True)
    for text in invented(n):
        (folder / f"{text.title}.txt").write_text(text.whole)
    collections_folder().mkdir(parents=True, exist_ok=True)
    with Collection(collections_folder() / "papers.sqlite3") as collection:
        collection.add([folder])


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    docs([*words, "-C", "papers", "--rounds", "1", "--json"], standalone_mode=False)
    said = capsys.readouterr().out
    found: dict[str, object] = json.loads(said)
    return found


def test_an_expert_learns_new_files_and_forgets_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    add_files(files, 2)
    with open_collection("papers") as collection:
        request = AdaptedRequest(
            name="papers", base="formulary-base", texts=tuple(read_texts(collection)),
            collection=collection, out=out, catalog=load_catalog(), n_rounds=1, rank=2,
            n_questions=1, n_general=1,
        )  # fmt: skip
        first = make_adapted(request, lambda _: None, lambda _: None)
    with pytest.raises(BadOption, match="nothing is new for 'papers'"):
        run(capsys, "refresh")
    add_files(files, 3)
    refreshed = run(capsys, "refresh")
    assert (refreshed["n_new"], refreshed["n_gone"], refreshed["is_kept"]) == (1, 0, True)
    second = find_current(load_catalog(), "papers")
    assert second.adapter == out / "v2" / "papers.gguf"
    assert len(load_card(second.adapter).texts) == 3
    assert first.adapter.is_file(), "the last good version stays"
    run(capsys, "forget", "Zordex.txt")
    third = find_current(load_catalog(), "papers")
    assert third.adapter == out / "v3" / "papers.gguf"
    assert [path.name for path in out.iterdir()] == ["v3"]
    with open_collection("papers") as collection:
        texts = {text.sha256 for text in read_texts(collection)}
    assert set(load_card(third.adapter).texts) == texts
    assert len(texts) == 2
    assert (files / "Zordex.txt").is_file()
