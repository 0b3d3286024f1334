"""A blend in the chat: candidates in panes, their ranking as a heat map, the best one as the reply."""

import io
from collections.abc import Mapping

import pytest
from textual.pilot import Pilot
from textual.widgets import Collapsible

from chat_app import (
    FakeTeams,
    FakeTemplate,
    TalkingModel,
    ask,
    drive,
    make_app,
    screen_text,
    send,
    until,
)
from localcollab.blend.events import Ranked
from localcollab.blend.residence import Needs, Residence
from localcollab.blend.session import BlendSession, Recipe
from localcollab.catalog.ranker_names import parse_ranker
from localcollab.history import History, open_history
from localcollab.llama.options import Options
from localcollab.progress import OnProgress
from localcollab.teams.choice import TeamChoice
from localcollab.teams.opened import OpenTeam
from localcollab.teams.plan import TeamPlan
from localcollab_tui.app import ChatApp, Start
from localcollab_tui.cli import make_app as real_app
from localcollab_tui.cli import opener
from localcollab_tui.engine.blend import OpenBlend, blend_facts
from localcollab_tui.engine.thread import on_own_models
from localcollab_tui.formatting.heat_map import heat_rows
from localcollab_tui.plain import PlainChat
from localcollab_tui.widgets.blend import BlendView

SAYS = {"short[er]": "Yes.", "long": "Yes, it is so, [bold]really[/bold]."}


class FakeBlends(FakeTeams):
    """`blend` of members that always say the same, ranked by length; `fake` is a team."""

    def __init__(
        self, says: Mapping[str, str] = SAYS, *, fuser: str | None = None, pace: float = 0.0,
        n_ctx: int = 4096,
    ) -> None:  # fmt: skip
        super().__init__(names=("blend", "fake"), pace=pace, n_ctx=n_ctx)
        self.says, self.fuser = says, fuser

    def open(self, name: str | None, on_progress: OnProgress) -> OpenTeam | OpenBlend:  # type: ignore[override]
        if name == "fake":
            return super().open(name, on_progress)
        members = tuple(self.says)
        recipe = Recipe(members, parse_ranker("longest"), fuser="fuser" if self.fuser else None)
        plans = {name: TeamPlan(name, ()) for name in (*members, "fuser")}
        residence = Residence(plans, needs=Needs(0, {}), opening=self._member)
        facts = blend_facts("blend", recipe, residence.open(members[0]))
        return OpenBlend(BlendSession(recipe, residence.open), residence, facts)

    def _member(self, plan: TeamPlan, options: Options, on_progress: OnProgress | None) -> OpenTeam:
        said = {**self.says, "fuser": self.fuser or ""}[plan.name]
        model = TalkingModel(lambda _: said, name="base", pace=self.pace, n_ctx=self.n_ctx)
        return OpenTeam(plan.name, model, {"base": model}, {}, FakeTemplate())


def blend_app(history: History | None = None, **how: object) -> ChatApp:
    return make_app(FakeBlends(**how), history)  # type: ignore[arg-type]


def panes(app: ChatApp) -> list[Collapsible]:
    return list(app.query_one(BlendView).query(Collapsible))


@pytest.mark.slow
def test_candidates_stand_in_panes_above_the_best_as_reply() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Is it so?")
        shown = screen_text(app)
        assert "▶ 1 short[er]: 4 tokens in 0." in shown
        assert "▶ ★ 2 long: 35 tokens in 0." in shown
        assert [line.rstrip() for line in lines_of(app) if "#" in line] == [
            "   1 #2          · █   -1.97",
            "   2 #1  █   +1.97         ·",
        ]
        assert app.dialogue.branch[-1].text == SAYS["long"]
        panes(app)[0].collapsed = False
        await until(pilot, lambda: "Yes.\n" in "\n".join(map(str.rstrip, lines_of(app))) + "\n")

    drive(blend_app(), steps, size=(100, 30))


def lines_of(app: ChatApp) -> list[str]:
    return screen_text(app).splitlines()


@pytest.mark.slow
def test_a_pane_is_open_while_its_candidate_is_written() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await send(app, pilot, "Is it so?")
        await until(pilot, lambda: "candidate 2" in screen_text(app))
        await until(pilot, lambda: "Yes, it" in screen_text(app))
        assert [pane.collapsed for pane in panes(app)] == [False, False]
        await pilot.press("escape")
        await until(pilot, lambda: app.dialogue.pending is None)
        answer = app.dialogue.branch[-1]
        assert answer.status == "stopped"
        assert answer.text.startswith("Yes, it")

    drive(blend_app(pace=0.02), steps, size=(100, 30))


@pytest.mark.slow
def test_what_the_panes_show_is_kept_and_shown_again_without_them() -> None:
    async def first(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Is it so?")
        assert "ranked by longest: 2 > 1" not in screen_text(app)
        outcome = app.dialogue.branch[-1].outcome
        assert outcome is not None
        assert outcome.notes == (
            "candidate 1 (short[er]): Yes.",
            f"candidate 2 (long): {SAYS['long']}",
            "ranked by longest: 2 > 1",
            "the reply is candidate 2",
        )
        await app.chat.show_branch()
        await until(pilot, lambda: "ranked by longest: 2 > 1" in screen_text(app))
        assert "candidate 1 (short[er]): Yes." in screen_text(app)

    drive(blend_app(), first, size=(100, 30))


@pytest.mark.slow
def test_a_fused_answer_is_the_reply_and_the_next_turn_knows_it() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Is it so?")
        assert app.dialogue.branch[-1].text == "Fused."
        assert "fused by fuser" in screen_text(app)
        assert "★" not in screen_text(app)
        await ask(app, pilot, "Sure?")
        assert [message.text for message in app.dialogue.branch] == [
            "Is it so?", "Fused.", "Sure?", "Fused."
        ]  # fmt: skip

    drive(blend_app(fuser="Fused."), steps, size=(100, 40))


@pytest.mark.slow
def test_what_asks_token_by_token_says_no_to_a_blend() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Is it so?")
        await pilot.press("f2")
        await until(pilot, lambda: "which picks among" in screen_text(app))
        await pilot.press("f2")
        await send(app, pilot, "/team fake")
        await until(pilot, lambda: app.dialogue.facts is not None)
        await ask(app, pilot, "Hello")
        assert app.dialogue.branch[-1].text == "You said Hello"

    drive(blend_app(), steps, size=(120, 30))


def test_line_by_line_a_blend_tells_what_became_of_its_candidates() -> None:
    out = io.StringIO()
    with open_history(None) as history:
        chat = PlainChat(history, on_own_models(FakeBlends().open), io.StringIO("Is it so?\n"), out)
        chat.run(None, None)
    said = out.getvalue()
    assert "short[er] writes candidate 1 of 2\nlong writes candidate 2 of 2\n" in said
    assert "the reply is candidate 2" in said


def test_a_conversation_that_fills_the_context_goes_on_without_its_oldest_turn() -> None:
    out = io.StringIO()
    lines = ["Is it so?", "And this?", "Then that?", "And now?", "y", "x" * 300]
    with open_history(None) as history:
        blends = FakeBlends(n_ctx=160)
        typed = io.StringIO("\n".join(["/set overflow ask", *lines]))
        PlainChat(history, on_own_models(blends.open), typed, out).run(None, None)
        (found,) = history.conversations()
        branch = history.branch(found.id)
    said = out.getvalue()
    assert said.count("Leave out the oldest turn? y or n: ") == 1
    assert "fill the context of 160 tokens: shorten it" in said
    assert [(m.text, m.status) for m in branch if m.role == "user"] == [
        (question, "complete") for question in lines[:4]
    ]
    notes = branch[-1].outcome.notes if branch[-1].outcome else ()
    assert notes[-1] == "the reply is candidate 2"


def talk_to_a_blend(*lines: str, n_ctx: int = 160) -> str:
    out = io.StringIO()
    with open_history(None) as history:
        typed = io.StringIO("\n".join(lines))
        make_worker = on_own_models(FakeBlends(n_ctx=n_ctx).open)
        PlainChat(history, make_worker, typed, out).run(None, None)
    return out.getvalue()


def test_what_a_blend_leaves_out_is_told_under_its_answer() -> None:
    said = talk_to_a_blend("Is it so?", "And this?", "Then that?", "And now?")
    assert "left out: the context is full\n" in said


def test_a_blend_compacts_where_that_was_asked_for() -> None:
    lines = ("a" * 120, "b" * 80, "c" * 120, "d")
    said = talk_to_a_blend("/set overflow compact", *lines, n_ctx=400)
    assert "the context is full: summarizing the oldest" in said
    assert "summary of the oldest" in said


def test_a_heat_map_reads_without_colour() -> None:
    ranked = Ranked("judge(m)", (2, 1, 2), ((0, -2.0, 0), (2.0, 0, 0.5), (0, -0.5, None)))
    rows = list(heat_rows(ranked, 80))
    assert [label + " ".join(cell.text for cell in cells) for label, cells in rows] == [
        "             1         2         3",
        "1 #2         · █   -2.00     +0.00",
        "2 #1 █   +2.00         · ▒   +0.50",
        "3 #2     +0.00 ▒   -0.50         ·",
    ]
    assert [cell.strength for cell in rows[2][1]] == [1, 0, 0.25]


def test_many_candidates_are_signs_alone_and_what_was_not_compared_is_asked_after() -> None:
    n = 12
    logits = tuple(
        tuple(float(b - a) if abs(a - b) < 9 else None for b in range(n)) for a in range(n)
    )
    ranked = Ranked("longest", tuple(range(1, n + 1)), logits)
    rows = list(heat_rows(ranked, 76))
    assert max(len(label + " ".join(c.text for c in cells)) for label, cells in rows) <= 76
    assert [cell.text.strip() for cell in rows[1][1]] == ["·", *"++++", *["++"] * 4, *"???"]


@pytest.mark.weights
@pytest.mark.slow
def test_the_shipped_blend_replies_with_what_its_ranker_finds_best() -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await ask(app, pilot, "Sum up 6 doses of Teparmab for me.")
        answer = app.dialogue.branch[-1]
        assert answer.outcome is not None
        *candidates, ranked, chosen = answer.outcome.notes
        assert ranked == "ranked by likelihood(formulary): 2 > 1"
        assert chosen == "the reply is candidate 2"
        assert candidates[1] == f"candidate 2 (formulary-margin): {answer.text}"
        assert candidates[0].startswith("candidate 1 (formulary-entropy): ")
        assert {author.split("/")[0] for author in answer.outcome.authors} == {"formulary-margin"}
        assert "★ 2 formulary-margin" in screen_text(app)
        assert answer.provenance is not None
        assert [len(sha256) for sha256 in answer.provenance.members.values()] == [64, 64]

    with open_history(None) as history:
        app = real_app(
            history, on_own_models(opener(TeamChoice(), None, None, None)), Start("formulary-blend")
        )
        drive(app, steps, size=(110, 30))
