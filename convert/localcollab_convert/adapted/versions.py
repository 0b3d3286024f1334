"""Later versions of an adapted expert: one that has learned new texts, one that never saw some.

Each version has a folder of its own; the catalogue names the last good one, and the one before it stays
on disk until the next. After texts were forgotten, no earlier version stays: each of them knows the
texts.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from localcollab.catalog import Catalog
from localcollab.documents.collection import Collection
from localcollab.errors import BadOption
from localcollab.llama.header import read_table
from localcollab.progress import OnProgress
from localcollab_convert.adapted.entry import enter_adapted
from localcollab_convert.adapted.make import AdaptedMaker, make_adapted
from localcollab_convert.adapted.private import private_files
from localcollab_convert.adapted.request import AdaptedRequest, AdaptedResult, Effort
from localcollab_convert.staging.stages import OnNote
from localcollab_convert.study.card import load_card
from localcollab_convert.study.texts import Text

MOST_LOST = 0.03
"""Of the answers about old texts; of a few questions, one."""
DEFAULT = Effort()
_VERSION = re.compile(r"v(\d+)")


@dataclass(frozen=True, slots=True)
class Current:
    """The version that the catalogue names."""

    name: str
    base: str
    adapter: Path
    rank: int
    seed: int
    texts: tuple[str, ...]
    """sha256 of what it knows."""

    @property
    def _number(self) -> int:
        found = _VERSION.fullmatch(self.adapter.parent.name)
        return int(found[1]) if found else 1

    @property
    def root(self) -> Path:
        return self.adapter.parent if self._number == 1 else self.adapter.parent.parent

    @property
    def next_folder(self) -> Path:
        return self.root / f"v{self._number + 1}"

    def folders(self) -> list[Path]:
        """Of all versions but the first, which stands in the root."""
        return sorted(p for p in self.root.iterdir() if p.is_dir() and _VERSION.fullmatch(p.name))


@dataclass(frozen=True, slots=True)
class Refreshed:
    result: AdaptedResult
    n_new: int
    n_gone: int
    is_kept: bool
    """The new version has replaced the old one."""


def find_current(catalog: Catalog, name: str) -> Current:
    """Raises `BadCatalog`, `BadModelFile`, `BadOption`: not made by `convert expert` from a LoRA."""
    entry, adapter = catalog.models.get(name), catalog.model(name).adapter
    if entry is None or entry.weights_of is None or adapter is None:
        raise BadOption(f"the expert {name!r} is no LoRA of a base: create one with convert expert")
    card = load_card(adapter)
    shapes = [t.shape for t in read_table(adapter).tensors if t.name.endswith(".lora_a")]
    return Current(name, entry.weights_of, adapter, shapes[0][1], card.seed, card.texts)


def refresh_adapted(
    current: Current, catalog: Catalog, collection: Collection, texts: Sequence[Text],
    minutes: float | None, n_rounds: int | None, on_progress: OnProgress, on_note: OnNote,
    effort: Effort = DEFAULT,
) -> Refreshed:  # fmt: skip
    """Learns the new texts on top of the old; the old version stays where too much is forgotten.

    Raises what `make_adapted` raises, and `BadOption` where nothing is new.
    """
    new = tuple(text for text in texts if text.sha256 not in current.texts)
    old = tuple(text for text in texts if text.sha256 in current.texts)
    if not new:
        raise BadOption(
            f"nothing is new for {current.name!r}: its {len(old)} texts are unchanged; localcollab "
            "docs sync reads the files again"
        )
    request = AdaptedRequest(
        name=current.name, base=current.base, texts=new, old=old, start=current.adapter,
        collection=collection, out=current.next_folder, catalog=catalog, minutes=minutes,
        n_rounds=n_rounds, rank=current.rank, seed=current.seed, effort=effort,
    )  # fmt: skip
    with private_files():
        result = AdaptedMaker(request, on_progress, on_note).make()
    is_kept = knows_the_old(result)
    if is_kept:
        # The card of what it learned in all; the entry is one rename.
        enter_adapted(request, replace(result, n_texts=len(texts)))
        _remove(current, keep=(current.adapter.parent, current.next_folder))
    else:
        shutil.rmtree(current.next_folder)
    return Refreshed(result, len(new), len(set(current.texts)) - len(old), is_kept)


def knows_the_old(result: AdaptedResult) -> bool:
    if result.recalled is None:
        return True
    before, after, n = result.recalled
    return after >= before - max(1, int(MOST_LOST * n))


def forget(
    current: Current, catalog: Catalog, collection: Collection, texts: Sequence[Text], path: Path,
    minutes: float | None, n_rounds: int | None, on_progress: OnProgress, on_note: OnNote,
    effort: Effort = DEFAULT,
) -> AdaptedResult:  # fmt: skip
    """Trains the expert again, from the base, without the file; deletes every earlier version.

    Raises what `make_adapted` raises, and `BadOption` where nothing is left.
    """
    left = tuple(text for text in texts if text.source != path)
    if not left:
        raise BadOption(f"{path} is all that {current.name!r} knows: delete {current.root} instead")
    request = AdaptedRequest(
        name=current.name, base=current.base, texts=left, collection=collection,
        out=current.next_folder, catalog=catalog, minutes=minutes, n_rounds=n_rounds,
        rank=current.rank, seed=current.seed, effort=effort,
    )  # fmt: skip
    result = make_adapted(request, on_progress, on_note)
    _remove(current, keep=(current.next_folder,))
    return result


def _remove(current: Current, keep: Sequence[Path]) -> None:
    """Versions that are not kept. The root's own files are the first version."""
    for folder in current.folders():
        if folder not in keep:
            shutil.rmtree(folder)
    if current.root not in keep:
        for path in current.root.glob(f"{current.name}.*"):
            path.unlink()
        shutil.rmtree(current.root / "work", ignore_errors=True)
