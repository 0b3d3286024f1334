"""What may be loaded by which name, and what is refused before anything is loaded."""

from pathlib import Path

import pytest

import localcollab as lc
from localcollab.api.load import find_model
from localcollab.catalog import SHIPPED
from localcollab.errors import BadCatalog, BadModelFile, BadOption
from localcollab.teams.names import is_file

PULLABLE = """[models.far]
repository = "owner/name"
file = "far.gguf"
"""


def test_a_path_a_suffix_and_a_separator_mean_a_file() -> None:
    names: list[str | Path] = ["a.gguf", "models/a", Path("a")]
    assert [is_file(name) for name in names] == [True] * 3
    assert not is_file("formulary")


def test_an_unknown_parameter_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="gpu_layers"):
        lc.load("formulary", gpu_layers=3)  # type: ignore[call-arg]


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(BadCatalog, match="did you mean 'formulary'"):
        lc.load("formulry")
    with pytest.raises(BadCatalog, match="did you mean 'arithmetic'"):
        lc.load("formulary-base", experts=["aritmetic"])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModelFile, match="no such model file"):
        lc.load(tmp_path / "none.gguf")


def test_a_model_that_is_not_installed_is_refused_with_what_fetches_it(tmp_path: Path) -> None:
    catalog = tmp_path / "models.toml"
    catalog.write_text(PULLABLE)
    with pytest.raises(BadOption, match="localcollab models pull far"):
        lc.load("far", models=catalog)
    with pytest.raises(BadOption, match="localcollab models pull far"):
        lc.load("formulary-base", experts="far", models=[str(catalog)])


def test_a_threshold_needs_an_expert() -> None:
    with pytest.raises(BadOption, match="threshold"):
        lc.load("formulary-base", threshold=0.5)


def test_a_team_takes_no_adapter_and_a_composition_no_method(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="adapter"):
        lc.load("formulary", adapter=tmp_path / "a.gguf")
    with pytest.raises(BadOption, match="method"):
        lc.load("formulary-calm", method=lambda members: members["base"])


def test_a_model_of_the_catalogue_is_found_by_its_name() -> None:
    assert find_model("arithmetic") == SHIPPED / "formulary" / "arithmetic.gguf"
