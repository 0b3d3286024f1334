"""What `localcollab run` and `docs` are asked for, and which options do not go together."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

from localcollab.catalog import Blend, load_catalog
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.documents.answer.events import Way
from localcollab.documents.collection import Collection
from localcollab.documents.search.embedding import OnEmbedded
from localcollab.errors import BadOption
from localcollab.llama.options import Options
from localcollab.progress import Counted
from localcollab.teams.choice import TeamChoice
from localcollab.teams.defaults import own_options
from localcollab.teams.plan import TeamPlan

if TYPE_CHECKING:
    from localcollab.documents.answer.answer import Library

_MAX_INPUT = 16 * 2**20


class Shown(Protocol):
    """A `Status`: notes stay, progress does not."""

    def note(self, text: str) -> None: ...
    def show(self, doing: str | Counted) -> None: ...


@dataclass(frozen=True, slots=True)
class Documents:
    """The collection to answer from, and how. Raises `BadOption`."""

    collection: str
    """Not looked at if there are files."""
    strict: bool = False
    way: Way | None = None
    files: tuple[Path, ...] = ()
    """Attached to this question alone."""

    def open(self) -> "Library":
        """Raises `BadCollection`, `BadOption`."""
        # Imported here: most questions need no collection.
        from localcollab.documents.answer.answer import Library
        from localcollab.documents.collection import ATTACHED, attach, open_collection

        if self.files:
            return Library(attach(self.files), ATTACHED, self.way, self.strict)
        return Library(open_collection(self.collection), self.collection, self.way, self.strict)


def documents_request(
    collection: str | None, files: Sequence[Path] = (), *, strict: bool, way: str | None
) -> Documents | None:
    """Raises `BadOption`."""
    if collection is not None and files:
        raise BadOption("`docs` and `file` are given: answer from the collection or from the files")
    if collection is None and not files:
        if strict or way is not None:
            raise BadOption("`strict` and `docs_as` need `docs` or `file`")
        return None
    if way not in (None, *get_args(Way)):
        raise BadOption(f"`docs_as` is {way!r}: give {' or '.join(get_args(Way))}")
    return Documents(collection or "", strict, cast("Way | None", way), tuple(files))


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One question to one team."""

    question: str | None
    """None or `-`: standard input."""
    choice: TeamChoice
    options: Options = field(default_factory=Options)
    system: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)
    """Options of `Sampling`; None where nothing was chosen."""
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    docs: Documents | None = None
    budget: int | None = None
    """Bytes that a blend may take; None: what is free."""
    explain: bool = False

    def __post_init__(self) -> None:
        """Raises `BadOption`."""
        Sampling(**own_options(self.sampling))
        Limits(self.max_tokens, self.stop)

    def text(self) -> str:
        """Raises `BadOption` without a question."""
        asked = read_standard_input() if self.question in (None, "-") else self.question
        if not asked or not asked.strip():
            raise BadOption("the question is empty: give one, or write it to standard input")
        return asked

    def check(self, plan: TeamPlan) -> None:
        """Raises `BadOption` for what this team cannot do."""
        is_blend = isinstance(plan.method, Blend)
        if self.explain and (self.docs is not None or is_blend or len(plan.members) < 2):
            raise BadOption(
                "`explain` shows what the other models of a team changed: use it with a token-level "
                "team, without `docs`"
            )
        if is_blend and self.docs is not None and (self.docs.way != "check" or self.docs.strict):
            raise BadOption(
                f"{plan.name} is a blend, which can only compare candidates with `docs`: give `docs_as` "
                "check, or use one of its members"
            )
        if not is_blend and self.budget is not None:
            raise BadOption("`budget` applies to blends only: leave it out")


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Vectors for a collection: of one encoder, or none any more. Raises `BadOption`."""

    encoder: str | None
    """A GGUF file, a Hugging Face folder, a model of the catalogue, or a name of `KNOWN`."""
    off: bool = False
    before_query: str = ""
    before_passage: str = ""
    catalogs: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if (self.encoder is None) != self.off:
            raise BadOption(
                "give either `encoder`, an encoder to search with (such as minilm), or `off`"
            )

    def apply(self, collection: Collection, on_embedded: OnEmbedded, show: Shown) -> int:
        """The number of passages embedded. Raises `BadCatalog`, `BadModelFile`, `DownloadFailed`."""
        if self.encoder is None:
            collection.forget_vectors()
            return 0
        return collection.embed(
            self.find(self.encoder, show), before_query=self.before_query,
            before_passage=self.before_passage, on_embedded=on_embedded,
        )  # fmt: skip

    def find(self, encoder: str, show: Shown) -> Path:
        """Its file, made first where it is not here."""
        from localcollab.models.encoders.known import KNOWN
        from localcollab.models.encoders.make import make_from_folder, make_known

        if Path(encoder).is_file():
            return Path(encoder).resolve()
        if Path(encoder).is_dir():
            return make_from_folder(Path(encoder), show.show)
        catalog = load_catalog(*self.catalogs)
        if encoder in KNOWN and encoder not in catalog.models:
            return make_known(KNOWN[encoder], show.note, show.show)
        return catalog.model(encoder).path


@dataclass(frozen=True, slots=True)
class ReviseRequest:
    """Which file is revised with which collection. Raises `BadOption`."""

    file: Path
    collection: str
    out: Path | None = None
    """Where the diff is written; None: standard output."""
    dated: str | None = None
    """The date of the file; None: what it or its file says."""

    def __post_init__(self) -> None:
        if self.out is not None and os.path.lexists(self.out):
            raise BadOption(
                f"`out` is {self.out}, which exists: nothing is overwritten; give another"
            )


@dataclass(frozen=True, slots=True)
class RefreshChoice:
    """The expert of a collection that `docs refresh` trains, and how long; convert checks both."""

    collection: str
    team: str | None = None
    minutes: float | None = None
    n_steps: int | None = None
    """Of an expert from scratch."""
    n_rounds: int | None = None
    """Of a LoRA."""
    catalogs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgetChoice:
    """The document that an expert is trained again without; convert checks it."""

    document: str
    """Path of a file of the collection, or the end of it."""
    collection: str
    team: str | None = None
    minutes: float | None = None
    n_rounds: int | None = None
    catalogs: tuple[Path, ...] = ()


def read_standard_input() -> str:
    """As UTF-8. Raises `BadOption`."""
    if sys.stdin is None or sys.stdin.isatty():
        raise BadOption("no question: give one, or write it to standard input")
    data = sys.stdin.buffer.read(_MAX_INPUT + 1)
    if len(data) > _MAX_INPUT:
        raise BadOption(f"standard input holds more than {_MAX_INPUT} bytes: give a shorter text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadOption(
            f"standard input is not UTF-8 at byte {error.start}: convert it first"
        ) from error
