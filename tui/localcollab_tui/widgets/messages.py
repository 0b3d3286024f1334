"""One question or one answer. An answer streams as Markdown, and no part is laid out twice.

Text of users and models is never markup of Rich or Textual; control characters are visible.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Collapsible, Static

from localcollab.documents.answer.references import resolve
from localcollab.events import Token
from localcollab.history.records import StoredMessage
from localcollab.terminal.visible_text import visible
from localcollab_tui.formatting.figures import figures_line
from localcollab_tui.formatting.markdown_text import is_too_much
from localcollab_tui.formatting.provenance import double_check, sparkline
from localcollab_tui.formatting.reasoning import Splitter, split
from localcollab_tui.widgets.palette import painted_legend
from localcollab_tui.widgets.tokens import TokensView

if TYPE_CHECKING:
    from textual.widgets.markdown import MarkdownStream

    from localcollab_tui.widgets.blend import BlendView, CandidateEvent
    from localcollab_tui.widgets.safe_markdown import SafeMarkdown

_SHOWN_OF_QUESTION = 4_000
_SPARKS = 60
_SHOWN_OF_NOTE, _SHOWN_OF_TITLE = 240, 60


def plain(text: str, *, classes: str = "", style: str = "") -> Static:
    """Text without markup."""
    return Static(Content.styled(visible(text), style), markup=False, classes=classes)


def import_markdown() -> None:
    import localcollab_tui.widgets.safe_markdown  # noqa: F401


def markdown(text: str = "") -> "SafeMarkdown":
    # Imported with the first answer: the first frame needs no parser.
    from localcollab_tui.widgets.safe_markdown import SafeMarkdown

    return SafeMarkdown(text)


def siblings_line(message: StoredMessage) -> str:
    """`2 of 3` where a message was edited or regenerated."""
    if len(message.siblings) < 2:
        return ""
    n = message.siblings.index(message.id) + 1
    return f"◀ {n} of {len(message.siblings)} ▶"


class MessageBox(Vertical):
    """A message far from what is shown keeps its height, but no layout visits its children."""

    is_away = False

    @property
    def is_scrollable(self) -> bool:
        # The compositor asks this before it visits the children of a widget.
        return not self.is_away and super().is_scrollable


class QuestionView(MessageBox):
    DEFAULT_CSS = """
    QuestionView {
        height: auto;
        margin: 1 0 0 0;
        padding: 0 1;
        border-left: outer $primary;
        background: $boost;
        .dim { color: $text-muted; }
        Static { height: auto; }
    }
    """

    def __init__(self, message: StoredMessage) -> None:
        super().__init__()
        self.message = message

    def compose(self) -> ComposeResult:
        text = self.message.text
        yield plain(text[:_SHOWN_OF_QUESTION])
        if len(text) > _SHOWN_OF_QUESTION:
            rest = len(text) - _SHOWN_OF_QUESTION
            yield plain(f"… and {rest:,} more characters (sent, but not shown)", classes="dim")
        if siblings_line(self.message):
            yield plain(siblings_line(self.message), classes="dim")


class AnswerView(MessageBox):
    DEFAULT_CSS = """
    AnswerView {
        height: auto;
        padding: 0 1;
        margin: 1 0 0 0;
        .figures { color: $text-muted; height: auto; }
        .doubts { color: $text-warning; height: auto; }
        .legend { height: auto; }
        .sparks { color: $text-muted; height: 1; }
        .plain { height: auto; }
        .failed { color: $text-error; height: auto; }
        Collapsible { border: none; padding: 0; background: transparent; margin: 0; }
        &.-provenance { SafeMarkdown, .plain, Collapsible { display: none; } }
    }
    """

    def __init__(
        self, message: StoredMessage, tokens: Sequence[Token] = (), *, opens_reasoning: bool = False
    ) -> None:
        super().__init__()
        self.message = message
        self.tokens: list[Token] = list(tokens)
        self.members: tuple[str, ...] = _members(message)
        self._splitter = Splitter(opened=opens_reasoning)
        self._said = self._thought = ""
        self._markdown: SafeMarkdown | None = None
        self._stream: MarkdownStream | None = None
        self._plain: Static | None = None
        self._thoughts: Static | None = None
        self._blend: BlendView | None = None
        self._told: list[str] = []
        """Notes that are shown while it grows."""

    def compose(self) -> ComposeResult:
        if self.message.status == "streaming":
            self._markdown = markdown()
            yield self._markdown
            return
        self._thought, self._said = split(self.message.text)
        if self._thought:
            yield self._folded(self._thought)
        if is_too_much(self._said):
            yield plain(self._said, classes="plain")
        else:
            yield markdown(visible(self._said))
        yield from self._footer()

    def _folded(self, thought: str) -> Collapsible:
        self._thoughts = plain(thought, classes="plain")
        return Collapsible(self._thoughts, title="reasoning", collapsed=True)

    def _footer(self) -> ComposeResult:
        outcome = self.message.outcome
        if outcome is not None:
            places = double_check(self.tokens, outcome.unfamiliar)
            if places:
                words = " · ".join(dict.fromkeys(place.words for place in places[:12]))
                yield plain(f"double-check: {words}", classes="doubts")
            shown = {*self._told, *(self._blend.notes if self._blend else ())}
            for note in outcome.notes:
                if note not in shown:
                    yield _note(resolve(note))
            kind = "failed" if outcome.error else "figures"
            yield plain(figures_line(outcome, self.members), classes=kind)
        elif self.message.status != "complete":
            yield plain(f"{self.message.status}: the answer is incomplete", classes="figures")
        if siblings_line(self.message):
            yield plain(siblings_line(self.message), classes="figures")

    async def show_candidate_event(self, event: "CandidateEvent") -> None:
        """Of a blend: what happens before the answer."""
        if self._blend is None:
            # Imported with the first blend: not needed by the first frame.
            from localcollab_tui.widgets.blend import BlendView

            self._blend = BlendView(self.members)
            await self.mount(self._blend, before=0)
        await self._blend.show_event(event)

    async def begin_again(self, before: "AnswerView", n_tokens: int, note: str) -> None:
        """As `before` without its last tokens, which fold to one line that stays."""
        self._told = [*before._told, note]
        await self.grow(before.tokens[: len(before.tokens) - n_tokens])
        await self.mount_all([_note(each) for each in self._told])

    def show_candidates(self) -> None:
        """Their text since the last frame."""
        if self._blend is not None:
            self._blend.show()

    async def grow(self, tokens: Sequence[Token]) -> None:
        """More of a streaming answer."""
        self.tokens += tokens
        parts = self._splitter.feed("".join(token.text for token in tokens))
        await self._show(
            "".join(p.text for p in parts if p.is_thought),
            "".join(p.text for p in parts if not p.is_thought),
        )

    async def _show(self, thought: str, said: str) -> None:
        if thought:
            self._thought += thought
            if self._thoughts is None:
                await self.mount(self._folded(self._thought), before=0)
            assert self._thoughts is not None
            self._thoughts.update(Content(visible(self._thought.strip("\n"))))
        if not said:
            return
        self._said += said
        if self._plain is not None:
            self._plain.update(Content(visible(self._said)))
        elif is_too_much(self._said):
            await self._turn_plain()
        elif self._markdown is not None:
            self._stream = self._stream or self._markdown.get_stream(self._markdown)
            await self._stream.write(visible(said))

    async def _turn_plain(self) -> None:
        await self._end_stream()
        if self._markdown is not None:
            await self._markdown.remove()
            self._markdown = None
        self._plain = plain(self._said, classes="plain")
        await self.mount(self._plain)

    async def _end_stream(self) -> None:
        if self._stream is not None:
            await self._stream.stop()
            self._stream = None

    async def finish(self, message: StoredMessage, tokens: Sequence[Token]) -> None:
        """The answer as it was stored."""
        for part in self._splitter.flush():
            await self._show(*((part.text, "") if part.is_thought else ("", part.text)))
        await self._end_stream()
        if message.outcome is not None and message.outcome.reason == "repetition":
            await self._fold_repeated(message.text)
        if self._markdown is not None and "```" in self._said:
            # A streamed fence keeps its first highlighting: lay out the whole text once.
            await self._markdown.update(visible(self._said))
        self.message, self.tokens, self.members = message, list(tokens), _members(message)
        await self.mount_all(list(self._footer()))

    async def _fold_repeated(self, text: str) -> None:
        """Of a loop only the first copy is a part of the answer; the rest can be unfolded."""
        said = split(text)[1]
        n_same = next(
            (n for n, pair in enumerate(zip(said, self._said, strict=False)) if pair[0] != pair[1]),
            min(len(said), len(self._said)),
        )
        repeated = self._said[n_same:]
        if not repeated:
            return  # the loop is in the reasoning, which is folded already
        self._said = said
        if self._markdown is not None:
            await self._markdown.update(visible(said))
        elif self._plain is not None:
            self._plain.update(Content(visible(said)))
        folded = plain(repeated, classes="plain repeated")
        await self.mount(Collapsible(folded, title="the repeated text", collapsed=True))

    async def show_provenance(self, on: bool) -> None:
        """Token by token, or as Markdown again."""
        self.set_class(on, "-provenance")
        await self.query(".provenance").remove()
        if not on:
            return
        if not self.tokens:
            await self.mount(plain(self.message.text, classes="provenance"), before=0)
            return
        outcome = self.message.outcome
        places = double_check(self.tokens, outcome.unfamiliar if outcome else ())
        view = TokensView(self.message.id, self.tokens, self.members, places)
        view.add_class("provenance")
        legend = Static(painted_legend(self.members), classes="provenance legend")
        line = sparkline([token.p_defer for token in self.tokens], _SPARKS)
        sparks = plain(f"p_defer {line}", classes="provenance sparks")
        await self.mount(legend, view, sparks, before=0)


def _note(note: str) -> Widget:
    """A long note is folded."""
    first, _, rest = note.partition("\n")
    if not rest and len(note) <= _SHOWN_OF_NOTE:
        return plain(note, classes="figures")
    title = visible(first[:_SHOWN_OF_TITLE]).replace("[", "\\[")
    return Collapsible(plain(note, classes="figures"), title=f"{title} …", collapsed=True)


def _members(message: StoredMessage) -> tuple[str, ...]:
    return tuple(message.provenance.members) if message.provenance else ()
