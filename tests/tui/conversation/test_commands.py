"""Slash commands: parsed, completed, each with its method; and how errors name what they set."""

import typer

from localcollab.cli.group import name_options
from localcollab_tui import cli
from localcollab_tui.chat.command_runner import CommandRunner
from localcollab_tui.conversation import commands
from localcollab_tui.parameters import COMMANDS, FLAGS, named_for_chat


def test_commands_are_parsed_and_near_misses_named() -> None:
    assert commands.parse("a question") is None
    assert commands.parse("//etc") is None
    assert commands.parse("/set top_k 4") == commands.Line("set", "top_k 4")
    line = commands.parse("/tresholt 1")
    assert line is not None
    assert "did you mean /threshold?" in line.problem
    assert commands.parse_option("top_k x") == "/set top_k x: must be an integer or default"
    assert commands.parse_option("temperature -1") == (
        "/set temperature -1: give a number from 0 to 100"
    )
    assert commands.parse_option("temperature nan") == (
        "/set temperature nan: give a number from 0 to 100"
    )
    assert commands.parse_option("max_tokens 0") == "/set max_tokens 0: give 1 or more"
    assert commands.parse_option("threads 0") == "/set threads 0: give a number from 1 to 512"
    assert commands.parse_option("stop x") == ("stop", "x")
    assert commands.parse_option("top_k default") == ("top_k", None)


def test_every_command_has_its_method() -> None:
    assert all(hasattr(CommandRunner, f"_{command.name}") for command in commands.COMMANDS)


def test_completions_offer_values_too() -> None:
    assert [line for line, _ in commands.completions("/th")] == ["/threshold "]
    assert [line for line, _ in commands.completions("/team f", ("fake", "x"))] == ["/team fake"]


def test_errors_name_the_command_or_the_flag_of_what_they_are_about() -> None:
    said = "`temperature` is -1; give `n_ctx`, `gate` or `n_threads`, not n_ctx"
    assert named_for_chat(said) == (
        "temperature is -1; give --n-ctx, /gate or --threads, not n_ctx"
    )


def test_the_commands_and_flags_that_errors_name_exist() -> None:
    options = typer.main.get_command(cli.app).params
    assert {name: name_options(f"`{name}`", options) for name in FLAGS} == FLAGS
    assert set(COMMANDS) <= {command.name for command in commands.COMMANDS}
