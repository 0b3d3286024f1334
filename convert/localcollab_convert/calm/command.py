"""`localcollab convert calm`: progress on stderr, what was made on stdout."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from localcollab.catalog import Catalog, load_catalog
from localcollab.errors import BadOption
from localcollab.teams.open import Member
from localcollab.terminal.status import Status
from localcollab.terminal.visible_text import visible
from localcollab_convert.calm.make import BridgeMaker
from localcollab_convert.calm.request import Made, Recipe, Request
from localcollab_convert.staging.outputs import claim


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Files or names of the catalogue, as the command line has them."""

    anchor: str
    augmenting: tuple[str, ...]
    catalogs: tuple[Path, ...] = ()

    def members(self) -> tuple[Member, tuple[Member, ...]]:
        """(anchor, augmenting). Raises `BadCatalog`, `BadOption`."""
        names = (self.anchor, *self.augmenting)
        # The catalogue is read only where a name asks for it.
        known = None if all(Path(n).exists() for n in names) else load_catalog(*self.catalogs)
        anchor, *augmenting = (_member(name, known) for name in names)
        twice = {m.name for m in augmenting if [n.name for n in augmenting].count(m.name) > 1}
        if twice:
            raise BadOption(f"--augmenting names {min(twice)} twice: rename one of the files")
        return anchor, tuple(augmenting)


def _member(name: str, catalog: Catalog | None) -> Member:
    path = Path(name)
    if path.exists() or catalog is None:
        return Member(path.stem, path)
    entry = catalog.model(name)
    return Member(name, entry.path, entry.adapter)


def parse_layers(text: str) -> tuple[tuple[int, int], ...]:
    """`0:0,1:2` -> ((0, 0), (1, 2)). Raises `BadOption`."""
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        layers = tuple((int(source), int(target)) for source, target in pairs)
    except ValueError:
        raise BadOption(
            f"--layers is {text!r}: give AUGMENTING:ANCHOR layers, counted from 0, as 0:0,1:2"
        ) from None
    if len(set(layers)) < len(layers):
        raise BadOption(f"--layers {text} names a pair twice: give each once, or more --heads")
    return layers


def request(
    choice: ModelChoice, recipe: Recipe, *, data: Path, valid: Path | None, out: Path,
    work: Path | None, n_pairs: int | None, layers: str | None, half: bool, measure_on: int,
    force: bool, n_ctx: int | None, n_threads: int | None,
) -> Request:  # fmt: skip
    """Raises `BadOption`, `BadCatalog`."""
    if out.suffix != ".safetensors":
        raise BadOption(f"--out is {out}: give a name that ends in .safetensors")
    if n_pairs is not None and layers is not None:
        raise BadOption(f"both --pairs {n_pairs} and --layers {layers} are given: choose one")
    if measure_on < 1:
        raise BadOption(f"--measure-on is {measure_on}: give 1 or more")
    anchor, augmenting = choice.members()
    return Request(
        anchor=anchor, augmenting=augmenting, data=data, valid=valid, out=out,
        work=work or out.with_name(out.name + ".work"), recipe=recipe, n_pairs=n_pairs,
        layers=() if layers is None else parse_layers(layers), half=half, measure_on=measure_on,
        force=force, n_ctx=n_ctx, n_threads=n_threads,
    )  # fmt: skip


def run(asked: Request, *, as_json: bool) -> None:
    """Raises what the stages raise."""
    status = Status(sys.stderr)
    try:
        with claim(asked.out, asked.work):
            made = BridgeMaker(asked, status.show, status.note).make()
    finally:
        status.clear()
    if as_json:
        print(json.dumps(asdict(made) | {"path": str(made.path)}, indent=1))
        return
    for line in _lines(made, [member.name for member in asked.augmenting]):
        print(visible(line))


def _lines(made: Made, names: Sequence[str]) -> Iterator[str]:
    trained = made.trained
    yield f"{'nats an answer token':30}  {trained.n_valid} validation examples"
    yield f"  {'anchor alone':28}  {trained.anchor_loss:.4f}"
    yield f"  {'with the bridge':28}  {trained.best.valid_loss:.4f}  (step {trained.best.step})"
    if made.accuracy:
        yield from _accuracy_lines(made)
    yield ""
    joined = ", ".join(f"{names[p.model]} {p.source} -> {p.target}" for p in made.pairs)
    yield f"layers: {joined}; {trained.n_parameters / 1e6:.2f}M parameters"
    yield f"{made.path} (sha256 {made.sha256[:12]}), {made.path.stem}.curve.png"


def _accuracy_lines(made: Made) -> Iterator[str]:
    found = made.accuracy
    assert found is not None
    yield f"{'whole answers right':30}  {found.n} validation answers, by the runtime"
    yield f"  {'anchor alone':28}  {found.anchor:.3f}"
    yield f"  {'with the bridge':28}  {found.composed:.3f}"
    for kind, (before, after) in found.by_kind.items():
        yield f"    {kind:26}  {before:.3f} -> {after:.3f}"
