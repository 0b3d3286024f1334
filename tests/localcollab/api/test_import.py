"""`import localcollab`: cheap, and every public name is there, typed, and documented."""

import ast
import importlib
import re
import resource
import statistics
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import localcollab as lc
from localcollab.api.answers import AnswerOptions, parse_options
from localcollab.decoding.answer_text import Limits
from localcollab.decoding.sampling import Sampling
from localcollab.errors import BadOption

ROOT = Path(__file__).parents[3]


def test_importing_loads_neither_numpy_nor_llama_cpp() -> None:
    heavy = "{'numpy', 'llama_cpp', 'pydantic', 'typer'} & sys.modules.keys()"
    script = f"import localcollab, sys; print({heavy})"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_a_team_is_chosen_without_numpy() -> None:
    """The chat draws its first frame before it is loaded."""
    script = "import localcollab.teams.choice, sys; print('numpy' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


@pytest.mark.serial
def test_importing_costs_at_most_10_ms_above_bare_python() -> None:
    added = [_seconds("import localcollab") - _seconds("pass") for _ in range(20)]
    assert statistics.median(added) <= 0.010


def _seconds(script: str) -> float:
    """Of processor time, which other work on this machine changes less than the clock's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", script], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_every_public_name_resolves_and_is_listed() -> None:
    assert set(lc.__all__) <= set(dir(lc))
    for name, module in lc._MODULES.items():
        assert getattr(lc, name) is getattr(importlib.import_module(f"localcollab.{module}"), name)


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = lc.nothing  # type: ignore[attr-defined]


def test_type_checkers_see_the_names_that_resolve_at_run_time() -> None:
    tree = ast.parse((ROOT / "localcollab" / "__init__.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    seen = {alias.name: node.module for node in imports for alias in node.names}
    del seen["import_module"]
    assert seen == {name: f"localcollab.{module}" for name, module in lc._MODULES.items()}
    assert set(seen) == set(lc.__all__)


def test_the_documentation_has_a_heading_for_every_public_name_and_no_other() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#{3,4} (.+)$", page, re.MULTILINE)
    named = [name for heading in headings for name in re.findall(r"`lc\.(\w+)", heading)]
    assert sorted(named) == sorted(lc.__all__)


def test_the_options_of_an_answer_are_those_of_sampling_and_limits() -> None:
    known = {each.name for record in (Sampling, Limits) for each in fields(record)}
    # Which loops are allowed is asked of a person, turn by turn.
    assert set(AnswerOptions.__annotations__) == known - {"allowed_loops"}


def test_options_become_records_and_an_unknown_one_is_a_type_error() -> None:
    given: AnswerOptions = {"max_tokens": 7, "stop": "\n", "top_p": 0.5}
    assert parse_options(given) == (Sampling(top_p=0.5), Limits(max_tokens=7, stop=("\n",)))
    assert parse_options({"stop": ["a", "b"]}) == (Sampling(), Limits(stop=("a", "b")))
    with pytest.raises(TypeError, match="unknown option 'max_token'"):
        parse_options({"max_token": 7})  # type: ignore[typeddict-unknown-key]
    with pytest.raises(BadOption, match="top_p"):
        parse_options({"top_p": 7})
