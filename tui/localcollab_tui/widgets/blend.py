"""Above a blend's reply: a collapsible pane for each candidate, and their ranking as a heat map.

Panes are open while their candidates are written, and collapse when the reply is known.
"""

from collections.abc import Sequence

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Collapsible, Static

from localcollab.blend.events import Answered, Answering, CandidateToken, Chosen, Ranked
from localcollab.blend.format import lines
from localcollab.terminal.visible_text import visible
from localcollab_tui.formatting.heat_map import Cell, heat_rows
from localcollab_tui.widgets.palette import colour

CandidateEvent = Answering | CandidateToken | Answered | Ranked | Chosen
"""The events before the reply."""
_REPLY = "★"


class CandidatePane(Collapsible):
    """One candidate. `number`: the first is 1."""

    def __init__(self, number: int, model: str, style: str) -> None:
        self._body = Static(markup=False)
        super().__init__(self._body, collapsed=False)
        self._who = Content.styled(visible(f"{number} {model}"), style)
        self._text, self._is_shown = "", True
        self.describe(Content(" writes"))

    def grow(self, text: str) -> None:
        self._text += text
        self._is_shown = False

    def show(self) -> None:
        """The text since the last call, once a frame."""
        if not self._is_shown:
            self._is_shown = True
            self._body.update(Content(visible(self._text)))

    def end(self, text: str) -> None:
        """The whole candidate, without stop string and end token."""
        self._text, self._is_shown = text.strip(), False
        self.show()

    def describe(self, what: Content, before: str = "") -> None:
        title = Content(f"{before} " if before else "") + self._who + what
        # Content, not markup: a name may contain brackets.
        self.title = title  # type: ignore[assignment]


class BlendView(Vertical):
    DEFAULT_CSS = """
    BlendView {
        height: auto;
        margin: 0 0 1 0;
        Static { height: auto; }
        Collapsible { border: none; padding: 0; background: transparent; margin: 0; }
        Collapsible > Contents { padding: 0 0 0 3; }
        .heat { margin: 0 0 0 1; }
    }
    """

    def __init__(self, members: Sequence[str]) -> None:
        super().__init__()
        self._members = members
        self._panes: list[CandidatePane] = []
        self._suffixes: list[str] = []
        self._ranks: tuple[int, ...] = ()
        self.notes: set[str] = set()
        """The stored notes on all this: not repeated under the reply while the panes are shown."""

    async def show_event(self, event: CandidateEvent) -> None:
        self.notes.update(lines(event))
        match event:
            case Answering(number, _, model):
                await self._open(number, model)
            case CandidateToken(number, token):
                self._panes[number - 1].grow(token.text)
            case Answered():
                self._end(event)
            case Ranked():
                await self._rank(event)
            case Chosen():
                await self._choose(event)

    def show(self) -> None:
        for pane in self._panes:
            pane.show()

    async def _open(self, number: int, model: str) -> None:
        at = self._members.index(model) if model in self._members else 0
        pane = CandidatePane(number, model, colour(at))
        self._panes.append(pane)
        self._suffixes.append("")
        await self.mount(pane)

    def _end(self, event: Answered) -> None:
        n_tokens, at = sum(event.authors.values()), event.candidate - 1
        cut = "" if event.reason in ("end", "stop_string") else f", {event.reason}"
        self._suffixes[at] = f": {n_tokens} tokens in {event.seconds:.1f} s{cut}"
        self._panes[at].end(event.text)
        self._panes[at].describe(Content(self._suffixes[at]))

    async def _rank(self, event: Ranked) -> None:
        self._ranks = event.ranks
        if max(event.ranks) > 1:
            await self.mount(Static(self._heat(event), classes="heat", markup=False))
        elif len(event.ranks) > 1:
            await self.mount(Static("all candidates are the same", classes="heat", markup=False))

    def _heat(self, event: Ranked) -> Content:
        rows = heat_rows(event, self.size.width or self.app.size.width)
        heat = [Content.assemble(label, *map(_painted, cells)) for label, cells in rows]
        about = visible(f"ranked by {event.ranker}: how much the row is better than the column")
        return Content("\n").join([Content.styled(about, "dim"), *heat])

    async def _choose(self, event: Chosen) -> None:
        for n, pane in enumerate(self._panes):
            rank = f", ranked {self._ranks[n]}" if self._ranks else ""
            is_reply = event.candidate == n + 1
            pane.describe(Content(self._suffixes[n] + rank), _REPLY if is_reply else "")
            pane.collapsed = True
        about = list(lines(event))
        if event.candidate is None or event.why:
            await self.mount(Static(Content(visible(about[0])), markup=False))


def _painted(cell: Cell) -> Content:
    """Green where the row is better, red where it is worse; the larger the difference, the stronger."""
    if not cell.strength:
        return Content(f" {cell.text}")
    hue = "success" if cell.strength > 0 else "error"
    share = 20 + round(60 * abs(cell.strength))
    background = f"on ${hue} {share}%"
    shade, number = cell.text[0], cell.text[1:]
    parts = (shade, f"${hue} {background}"), (number, f"$text {background}")
    return Content.assemble(" ", *parts)
