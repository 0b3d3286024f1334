"""A model that a Python package brings: found without importing it, listed, verified, never removed."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcollab.archives.archive import export_team
from localcollab.archives.unpack import import_team
from localcollab.catalog import load_catalog
from localcollab.errors import BadArchive, BadOption
from localcollab.llama.options import Options
from localcollab.models.fit import fit_team
from localcollab.models.installed import remove, verify
from localcollab.models.listing import install_command, model_line, model_record
from localcollab.models.offers import plan_pull
from localcollab.teams.listing import team_lines, team_record
from localcollab.teams.names import Names
from small_gguf import small_llama

MODEL = small_llama().to_bytes()
CATALOG = """
[models.wrapped]
package = "tiny_weights"
file = "tiny.gguf"
parameters = 1_000_000
licence = "MIT"

[models.beside]
path = "beside.gguf"

[teams.two]
method = "deferral"
base = "beside"
experts = ["wrapped"]
gate = "entropy"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "beside.gguf").write_bytes(small_llama(1).to_bytes())
    path = tmp_path / "models.toml"
    path.write_text(CATALOG)
    return path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a package as pip leaves it; importing the package would fail."""
    site = tmp_path / "site"
    package, about = site / "tiny_weights", site / "tiny_weights-1.0.dist-info"
    package.mkdir(parents=True)
    about.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "tiny.gguf").write_bytes(MODEL)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
    digest = base64.urlsafe_b64encode(hashlib.sha256(MODEL).digest()).decode().rstrip("=")
    (about / "RECORD").write_text(f"tiny_weights/tiny.gguf,sha256={digest},{len(MODEL)}\n")
    monkeypatch.syspath_prepend(str(site))
    return package / "tiny.gguf"


def test_without_the_package_every_list_says_how_to_install_it(own: Path) -> None:
    catalog = load_catalog(own)
    line = "wrapped (not installed: pip install tiny-weights): no description"
    assert model_line(model_record(catalog, "wrapped")) == line
    assert team_record(catalog, catalog.team("two"))["pull"] == "pip install tiny-weights"
    said = team_lines(team_record(catalog, catalog.team("two")))
    assert said[-1] == "  not installed (1 files): pip install tiny-weights"
    with pytest.raises(BadOption, match=r"^wrapped is not installed: pip install tiny-weights$"):
        Names(catalog).plan("wrapped")
    with pytest.raises(BadOption, match="is missing and not on a hub: pip install tiny-weights"):
        plan_pull(catalog, "two")
    with pytest.raises(
        BadArchive, match="an archive needs every file of its team: pip install tiny-weights"
    ):
        export_team("two", own.with_name("two.tar"), (own,))


def test_what_lacks_in_two_ways_is_brought_by_two_commands(own: Path) -> None:
    own.write_text(CATALOG.replace('path = "beside.gguf"', 'repository = "o/n"\nfile = "b.gguf"'))
    catalog = load_catalog(own)
    entries = [catalog.model(name) for name in ("wrapped", "beside")]
    both = "pip install tiny-weights && localcollab models pull two"
    assert install_command("two", entries) == both


def test_an_installed_one_is_listed_and_verified(own: Path, installed: Path) -> None:
    catalog = load_catalog(own)
    record = model_record(catalog, "wrapped")
    assert (record["path"], record["installed"], record["install"]) == (str(installed), True, None)
    assert model_line(record).endswith("KiB, of the package tiny-weights): no description")
    assert team_record(catalog, catalog.team("two"))["installed"]
    assert Names(catalog).plan("wrapped").first.path == installed
    assert [found.state for found in verify("wrapped", (own,))] == ["sound"]
    installed.write_bytes(MODEL[:-1] + b"!")
    assert [found.state for found in verify("wrapped", (own,))] == ["changed"]
    installed.unlink()
    assert [found.state for found in verify("wrapped", (own,))] == ["missing"]


def test_removing_one_is_left_to_pip(own: Path, installed: Path) -> None:
    with pytest.raises(
        BadOption, match="'wrapped' is the package tiny-weights: pip uninstall tiny-w"
    ):
        remove("wrapped", (own,))
    assert installed.is_file()


@pytest.mark.usefixtures("installed")
def test_an_archive_takes_its_file_along(own: Path) -> None:
    archive = own.with_name("two.tar")
    export_team("two", archive, (own,))
    import_team(archive)
    entry = load_catalog().model("wrapped")
    assert (entry.package, entry.licence) == (None, "MIT")
    assert entry.path.read_bytes() == MODEL
    assert [found.state for found in verify("wrapped")] == ["sound"]


@pytest.mark.weights
@pytest.mark.usefixtures("installed")
def test_one_model_fits_and_is_checked_like_a_team(own: Path) -> None:
    for name in ("wrapped", str(own.with_name("beside.gguf"))):
        catalog, team = Names(load_catalog(own)).as_team(name)
        assert fit_team(catalog, team, Options(n_ctx=128)).fits
        command = [sys.executable, "-m", "localcollab", "teams", "check", name, "--n-ctx", "128"]
        done = subprocess.run(
            [*command, "--json", "--models", str(own)],
            capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        found = {one["about"]: one["ok"] for one in json.loads(done.stdout)}
        assert found["one answer"], done.stdout
        assert done.returncode == 0


@pytest.mark.parametrize("package", ["__main__", "sys", "no_such_package", "tests"])
def test_what_is_no_package_with_files_is_only_missing(package: str, own: Path) -> None:
    own.write_text(CATALOG.replace("tiny_weights", package))
    assert not model_record(load_catalog(own), "wrapped")["installed"]
