"""An adapted expert that learns more files, and one that forgets one."""

from dataclasses import replace
from pathlib import Path

import pytest

from invented_texts import invented
from localcollab.catalog import load_catalog
from localcollab.cli.request import RefreshChoice
from localcollab.documents.collection import Collection, collections_folder, open_collection
from localcollab.errors import BadOption
from localcollab.progress import silently
from localcollab_convert.adapted.make import make_adapted
from localcollab_convert.adapted.request import AdaptedRequest, AdaptedResult, Effort
from localcollab_convert.adapted.versions import (
    Current,
    find_current,
    forget,
    knows_the_old,
    refresh_adapted,
)
from localcollab_convert.refresh.cli import refresh
from localcollab_convert.study.card import load_card
from localcollab_convert.study.texts import read_texts

pytestmark = [pytest.mark.weights, pytest.mark.slow]

QUICK = Effort(n_questions=1, n_general=1, n_head_steps=201)


def add_files(folder: Path, n: int) -> None:
    folder.mkdir(exist_ok=True)
    for text in invented(n):
        (folder / f"{text.title}.txt").write_text(text.whole)
    collections_folder().mkdir(parents=True, exist_ok=True)
    with Collection(collections_folder() / "papers.sqlite3") as collection:
        collection.add([folder])


def current() -> Current:
    return find_current(load_catalog(), "papers")


def nothing(_note: str) -> None:
    pass


def test_an_expert_learns_new_files_and_forgets_one(tmp_path: Path) -> None:
    files, out = tmp_path / "files", tmp_path / "out"
    add_files(files, 2)
    with open_collection("papers") as collection:
        request = AdaptedRequest(
            name="papers", base="formulary-base", texts=tuple(read_texts(collection)),
            collection=collection, out=out, catalog=load_catalog(), n_rounds=1, rank=2,
            effort=QUICK,
        )  # fmt: skip
        first = make_adapted(request, silently, nothing)
    with pytest.raises(BadOption, match="nothing is new for 'papers'"):
        refresh(RefreshChoice("papers"), as_json=True)
    add_files(files, 3)
    with open_collection("papers") as collection:
        texts = read_texts(collection)
        done = refresh_adapted(
            current(), load_catalog(), collection, texts, None, 1, silently, nothing, QUICK
        )
        assert (done.n_new, done.n_gone, done.is_kept) == (1, 0, True)
        assert done.result.recalled is not None
        assert current().adapter == out / "v2" / "papers.gguf"
        assert len(load_card(current().adapter).texts) == 3
        assert first.adapter.is_file(), "the last good version stays"
        forgotten = files / "Zordex.txt"
        forget(
            current(),
            load_catalog(),
            collection,
            texts,
            forgotten,
            None,
            1,
            silently,
            nothing,
            QUICK,
        )
    assert current().adapter == out / "v3" / "papers.gguf"
    assert [path.name for path in out.iterdir()] == ["v3"]
    left = sorted(text.sha256 for text in texts if text.source != forgotten)
    assert list(load_card(current().adapter).texts) == left
    assert len(left) == 2


@pytest.mark.parametrize(
    ("recalled", "is_kept"),
    [(None, True), ((20, 19, 30), True), ((20, 18, 30), False), ((90, 87, 100), True),
     ((90, 86, 100), False)],
)  # fmt: skip
def test_a_version_that_forgot_too_much_is_not_kept(
    recalled: tuple[int, int, int] | None, is_kept: bool
) -> None:
    result = AdaptedResult(
        adapter=Path("a"), head=Path("h"), n_texts=1, n_statements=1, n_rounds=1, n_steps=1,
        tokens_per_second=1.0, seconds=1.0, text=(1.0, 1.0, 1.0), chat=(1.0, 1.0, 1.0), nll={},
        table=(), verdict=None,
    )  # fmt: skip
    assert knows_the_old(replace(result, recalled=recalled)) is is_kept
