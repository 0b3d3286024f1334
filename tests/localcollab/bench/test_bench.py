"""The bench's arithmetic on fakes, and one real run on the shipped team."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import ScriptedModel, byte_vocabulary
from localcollab.bench import report
from localcollab.bench.dictated import Dictated
from localcollab.bench.figures import Figure, alternate, figure, quartiles, ratios, skipped
from localcollab.bench.request import parse_only
from localcollab.bench.second_start import second_start
from localcollab.bench.speed import catch_ups, own_tokens
from localcollab.bench.startup import TeamArguments, parse_team
from localcollab.bench.turns import split_otherwise
from localcollab.catalog import SHIPPED
from localcollab.errors import BadOption
from localcollab.llama.machine import peak_rss_bytes
from localcollab.teams.choice import TeamChoice
from localcollab.vocabularies.translated import TranslatedModel
from localcollab.vocabulary import Vocabulary
from tiny_vocabularies import CanonicalModel, piece_vocabulary


def test_rounds_alternate_after_one_that_does_not_count() -> None:
    called: list[str] = []
    times = iter(range(100))

    def task(name: str) -> float:
        called.append(name)
        return float(next(times))

    seconds = alternate({"a": lambda: task("a"), "b": lambda: task("b")}, 2)
    assert ("".join(called), seconds) == ("ababab", {"a": [2.0, 4.0], "b": [3.0, 5.0]})


def test_a_ratio_is_taken_within_a_round() -> None:
    found = figure("key", "label", ratios([2.0, 20.0, 6.0], [1.0, 10.0, 6.0]))
    assert (found.value, found.spread) == (2.0, (1.5, 2.0))


def test_one_repetition_has_no_spread() -> None:
    assert quartiles([3.0]) == (3.0, 3.0)


def test_an_expert_catches_up_with_all_it_skipped() -> None:
    authors = ["base", "one", "base", "base", "one", "one", "two"]
    assert catch_ups(authors, "one", 10) == [11, 3, 1]
    assert catch_ups(authors, "two", 10) == [16]
    assert catch_ups(authors, "three", 10) == []


def test_an_expert_of_another_vocabulary_reads_its_own_tokens() -> None:
    base = piece_vocabulary("a", "b", " ", bos=True)
    other = piece_vocabulary("a", "b", " ", "ab", " a", bos=True)
    expert = TranslatedModel(CanonicalModel(other, name="one"), base)
    tokens = [*base.encode("", bos=True), *base.encode_bytes(b"ab ab ab")]
    authors = ["base", "base", "base", "one", "one", "one"]
    own, theirs, n_before = own_tokens(expert, tokens, authors, 3)
    assert [other.piece(token) for token in own] == [b"", b"ab", b" a", b"b", b" a", b"b"]
    assert (theirs, n_before) == (["base", "base", "one", "one"], 2)
    assert catch_ups(theirs, "one", n_before) == [4, 1]


def test_the_parts_of_only_are_checked() -> None:
    assert (parse_only("d, a"), parse_only(None)) == ("ad", "abcdefghijkmn")
    with pytest.raises(BadOption, match="`only` names 'x'"):
        parse_only("a,x")


def test_a_team_survives_the_way_to_a_child() -> None:
    given = TeamArguments("one", (Path("a b.toml"), Path("c.toml")))
    assert parse_team(given.words()) == given
    assert parse_team(TeamArguments(None, ()).words()) == TeamArguments(None, ())


def two_ways() -> Vocabulary:
    """Bytes, and token 256 for `ab`."""
    plain = byte_vocabulary()
    pieces = [bytes([n]) for n in range(256)] + [b"ab"]
    return replace(plain, control=frozenset(), end=frozenset(), piece=lambda token: pieces[token])


def test_a_text_is_split_into_other_ids() -> None:
    assert split_otherwise(two_ways(), [99, 256, 100]) == [99, 97, 98, 100]
    assert split_otherwise(two_ways(), [99]) == [99]


def test_a_dictated_model_wants_the_script_and_reads_what_it_is_given() -> None:
    inner = ScriptedModel([1], n_prompt=3)
    model = Dictated(inner)
    model.dictate(3, [7, 8])
    wanted = [int(model.read([5] * n).logits[-1].argmax()) for n in (3, 4)]
    assert (wanted, inner.reads) == ([7, 8], [(3, 1), (4, 1)])


def some_figures() -> list[Figure]:
    return [
        figure("base_vs_raw", "base", [0.9, 1.0, 1.1], "fast"),
        skipped("vs_published_style", "published", "torch is not installed"),
        Figure("startup", "first token", 0.5, (0.4, 0.6), "", {"first_token_seconds": 0.5}),
    ]


def test_the_json_has_ratios_on_its_first_level() -> None:
    found = json.loads(report.as_json({"team": some_figures()}, {"cpu": "x"}))
    team = found["team"]
    assert (team["base_vs_raw"], team["vs_published_style"], found["machine"]) == (
        1.0, None, {"cpu": "x"}
    )  # fmt: skip
    assert team["startup"] == {"first_token_seconds": 0.5}
    assert team["details"]["base_vs_raw"]["quartiles"] == [0.95, 1.05]


def test_a_skipped_figure_says_why_in_the_table() -> None:
    lines = report.as_table({"team": some_figures()}).splitlines()
    assert "1.000   0.950 ..  1.050  fast" in lines[1]
    assert lines[2].endswith("skipped: torch is not installed")


@pytest.mark.slow  # imports matplotlib
def test_a_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    report.draw({"team": some_figures(), "other": some_figures()}, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_the_peak_is_at_least_what_is_resident() -> None:
    assert peak_rss_bytes() > 10 * 2**20


@pytest.fixture(scope="module")
def measured() -> dict[str, object]:
    if not (SHIPPED / "formulary" / "head.safetensors").is_file():
        pytest.skip("needs the shipped team")
    command_line = [sys.executable, "-m", "localcollab.cli.main", "bench", "--json", "--busy",
                    "--repeat", "2"]  # fmt: skip
    child = subprocess.run(command_line, capture_output=True, text=True, check=True)
    found = json.loads(child.stdout)["formulary"]
    assert isinstance(found, dict)
    return found


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.serial
def test_the_shipped_team_is_measured(measured: dict[str, object]) -> None:
    assert measured["second_turn_tokens"] == 1.0
    for key in (
        "base_vs_raw", "team_vs_limit", "export_vs_prompt", "rss_ratio", "batch_of_4",
    ):  # fmt: skip
        value = measured[key]
        assert isinstance(value, float), key
        assert value > 0.3, key
    # A tiny model proposes no tokens.
    for key in ("speculation_vs_plain", "speculation_vs_base", "quotes_vs_plain"):
        assert measured[key] is None


@pytest.mark.weights
def test_a_second_start_reads_its_prompt_from_disk() -> None:
    if not (SHIPPED / "formulary" / "head.safetensors").is_file():
        pytest.skip("needs the shipped team")
    found = second_start(TeamChoice(team="formulary").plan(), 1, lambda doing: None)
    assert found.value is not None
    assert found.details["n_states"] == 1
    assert found.details["n_prompt"] == 976
