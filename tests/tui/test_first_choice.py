"""chat where nothing is named: the only choice is opened, several are offered."""

import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from chat_app import FakeTeams, drive, make_app, screen_text, until
from localcollab_tui.app import ChatApp
from small_gguf import small_llama

BOTH = ("fake", "other")


def test_several_choices_are_offered_and_the_chosen_one_answers() -> None:
    fake = FakeTeams()

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "Which of them answers?" in screen_text(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: fake.opened == ["fake", "other"])
        await until(pilot, lambda: app.dialogue.facts is not None)
        assert app.dialogue.facts is not None
        assert (app.dialogue.facts.name, len(app.screen_stack)) == ("other", 1)

    drive(make_app(fake, choices=BOTH), steps)


def test_escape_keeps_the_default() -> None:
    fake = FakeTeams()

    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert fake.opened == ["fake"]

    drive(make_app(fake, choices=BOTH), steps)


@pytest.mark.parametrize(("team", "choices"), [("other", BOTH), (None, ("fake",))])
def test_nothing_is_asked_where_the_choice_is_clear(
    team: str | None, choices: tuple[str, ...]
) -> None:
    async def steps(app: ChatApp, pilot: Pilot[None]) -> None:
        await app.workers.wait_for_complete()
        assert len(app.screen_stack) == 1

    drive(make_app(team=team, choices=choices), steps)


def plain(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "localcollab", "chat", "--plain", "--incognito", *words]
    models = ["--models", str(folder / "models.toml")]
    return subprocess.run(
        [*command, *models], input="", capture_output=True, text=True, check=False
    )


def own(folder: Path, *names: str) -> None:
    text = "".join(f'[models.{name}]\npath = "{name}.gguf"\n' for name in names)
    (folder / "models.toml").write_text(text)
    for seed, name in enumerate(names):
        (folder / f"{name}.gguf").write_bytes(small_llama(seed).to_bytes())


@pytest.mark.slow
def test_line_mode_names_the_choices(tmp_path: Path) -> None:
    own(tmp_path, "mine", "yours")
    done = plain(tmp_path)
    says = "localcollab: there are several teams and models (mine, yours): name one\n"
    assert (done.returncode, done.stderr) == (1, says)


@pytest.mark.slow
@pytest.mark.weights
def test_the_only_installed_model_answers(tmp_path: Path) -> None:
    own(tmp_path, "mine")
    done = plain(tmp_path)
    assert (done.returncode, "team mine" in done.stdout) == (0, True), done.stderr
