"""Slash commands: parsed, completed, each with its method."""

from localcollab_tui.chat.command_runner import CommandRunner
from localcollab_tui.conversation import commands


def test_commands_are_parsed_and_near_misses_named() -> None:
    assert commands.parse("a question") is None
    assert commands.parse("//etc") is None
    assert commands.parse("/set top_k 4") == commands.Line("set", "top_k 4")
    line = commands.parse("/tresholt 1")
    assert line is not None
    assert "did you mean /threshold?" in line.problem
    assert commands.parse_option("top_k x") == "/set top_k x: must be an integer or default"
    assert commands.parse_option("top_k default") == ("top_k", None)


def test_every_command_has_its_method() -> None:
    assert all(hasattr(CommandRunner, f"_{command.name}") for command in commands.COMMANDS)


def test_completions_offer_values_too() -> None:
    assert [line for line, _ in commands.completions("/th")] == ["/threshold "]
    assert [line for line, _ in commands.completions("/team f", ("fake", "x"))] == ["/team fake"]
