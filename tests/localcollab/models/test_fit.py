"""fit: what is foretold is what is measured, and what is printed adds up."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from big_gguf import BILLION_Q4, HALF_Q8, SMALL_Q8, write_big, write_lora
from localcollab.blend.residence import forecast_needs
from localcollab.catalog import Catalog, Deferral, ModelEntry, TeamEntry, load_catalog
from localcollab.errors import BadModelFile
from localcollab.llama.forecast import ContextNeed, Gpu
from localcollab.llama.options import Options
from localcollab.methods.bridges import Pair
from localcollab.methods.calm import CalmModel
from localcollab.models.fit import Fit, Weight, estimated_size, fit_team, judge
from localcollab.models.fit_report import lines, verdict
from localcollab.teams.open import open_team
from localcollab.teams.plan import plan_from_catalog
from small_gguf import small_llama

MIB = 2**20
BATCH = {"n_batch": 64, "n_ubatch": 64}
CASES = {
    "1B Q4_K, repacked": ("billion", [], {"n_ctx": 512}),
    "1B Q4_K, mapped": ("billion", [], {"n_ctx": 512, "extra_buffers": False}),
    "0.5B Q8_0, Q8_0 cache": ("half", [], {"n_ctx": 4096, "kv_type": "q8_0"}),
    "team of 0.5B and a small one": ("half", ["small"], {"n_ctx": 1024, "extra_buffers": False}),
    "small team, 8192 tokens": ("small", ["other"], {"n_ctx": 8192}),
    "small team, 12288 tokens": ("small", ["other"], {"n_ctx": 12288, "extra_buffers": False}),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("big")
    shapes = {"billion": BILLION_Q4, "half": HALF_Q8, "small": SMALL_Q8, "other": SMALL_Q8}
    made = {
        name: write_big(folder / f"{name}.gguf", shape, seed=n)
        for n, (name, shape) in enumerate(shapes.items())
    }
    made["lora"] = write_lora(folder / "lora.gguf", HALF_Q8, rank=64)
    yield made
    for path in made.values():
        path.unlink()


def measured(
    base: Path, experts: list[Path], options: dict[str, object], adapter: Path | None = None
) -> int:
    request = {"base": str(base), "experts": [str(e) for e in experts], "options": options,
               "adapter": str(adapter) if adapter else None}  # fmt: skip
    script = Path(__file__).parents[2] / "peak_memory.py"
    child = subprocess.run(
        [sys.executable, str(script), json.dumps(request)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return int(child.stdout.split()[-1])


def foretold(
    base: Path, experts: list[Path], options: dict[str, object], adapter: Path | None = None
) -> int:
    models = {path.stem: ModelEntry(path.stem, path) for path in (base, *experts)}
    names = [path.stem for path in experts]
    if adapter:
        models["adapted"] = ModelEntry("adapted", base, adapter=adapter, weights_of=base.stem)
        names.append("adapted")
    team = TeamEntry("t", Deferral(base.stem, tuple(names), gate="entropy"))
    return fit_team(Catalog(models, {}, {"t": team}), team, Options(**options)).needed  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_peak_is_foretold_within_ten_percent(case: str, files: dict[str, Path]) -> None:
    base, experts, chosen = CASES[case]
    options: dict[str, object] = {**BATCH, **chosen}  # type: ignore[dict-item]
    told = foretold(files[base], [files[e] for e in experts], options)
    peak = measured(files[base], [files[e] for e in experts], options)
    print(
        f"{case}: {told / MIB:.0f} MiB foretold, {peak / MIB:.0f} measured ({told / peak - 1:+.1%})"
    )
    assert abs(told / peak - 1) <= 0.10, (told / MIB, peak / MIB)


@pytest.mark.slow
def test_an_adapter_is_foretold_within_ten_percent(files: dict[str, Path]) -> None:
    options: dict[str, object] = {**BATCH, "n_ctx": 1024, "extra_buffers": False}
    told = foretold(files["half"], [], options, files["lora"])
    peak = measured(files["half"], [], options, files["lora"])
    print(
        f"adapter: {told / MIB:.0f} MiB foretold, {peak / MIB:.0f} measured ({told / peak - 1:+.1%})"
    )
    assert abs(told / peak - 1) <= 0.10, (told / MIB, peak / MIB)


@pytest.mark.weights
def test_a_bridge_is_foretold_to_the_byte() -> None:
    catalog = load_catalog()
    team = catalog.team("formulary-calm")
    options = Options(n_ctx=512)
    found, plan = fit_team(catalog, team, options), plan_from_catalog(catalog, team)
    told = found.contexts[-1]
    assert forecast_needs({"a": plan}, options).teams == {"a": found.needed - found.runtime}
    opened = open_team(plan, options)
    assert isinstance(opened.model, CalmModel)
    kept = [one for at in opened.model._targets.values() for one in at]
    assert (told.name, told.n_ctx) == ("bridge formulary-calm", 512)
    assert told.cache == sum(one._keys.nbytes + one._values.nbytes for one in kept)
    parts = [getattr(one._pair, field.name) for one in kept for field in fields(Pair)]
    assert told.compute == sum(part.nbytes for part in parts)


def planned(weights: int, cache: int, free: int, per_token: int = 1000) -> Fit:
    """A team of one estimated model in Q8_0, judged as `fit_team` judges."""
    contexts = (ContextNeed("base m", 1024, 4096, cache, 10 * MIB, 0, per_token),)
    entry = Weight("m", Path("m-Q8_0.gguf"), weights, True)
    return judge("t", (entry,), contexts, 50 * MIB, free, (), Options())


def test_what_is_needed_is_the_sum_of_its_lines() -> None:
    found = planned(500 * MIB, 100 * MIB, 1000 * MIB)
    assert (found.needed, found.fits, found.quantization) == (660 * MIB, True, None)
    shown = list(lines(found))
    amounts = [int(line.split()[0].replace(",", "")) for line in shown[:4]]
    assert (sum(amounts), shown[4].split()[0], shown[5].split()[0]) == (660, "660", "1,000")


def test_the_largest_context_that_is_named_fits_and_one_of_twice_its_size_does_not() -> None:
    found = planned(500 * MIB, 1000 * 1024, 1000 * MIB)
    assert found.largest_n_ctx is not None
    fixed = found.needed - 1000 * 1024
    assert fixed + 1000 * found.largest_n_ctx <= 1000 * MIB < fixed + 2000 * found.largest_n_ctx


def test_a_team_that_does_not_fit_hears_which_type_would() -> None:
    found = planned(1000 * MIB, 100 * MIB, 800 * MIB)
    assert (found.fits, found.quantization) == (False, "Q4_K_M")
    assert verdict(found).startswith("t does not fit; at Q4_K_M its weights would fit")
    assert "choose a smaller team" in verdict(planned(9000 * MIB, 100 * MIB, 800 * MIB))


def test_memory_of_a_gpu_is_counted_apart() -> None:
    contexts = (ContextNeed("base m", 1024, None, 100 * MIB, 10 * MIB, 20 * MIB, 1000),)
    weight = Weight("m", Path("m-Q8_0.gguf"), 500 * MIB, True)
    gpu = Gpu("CUDA0", 600 * MIB, 700 * MIB)
    found = judge("t", (weight,), contexts, 50 * MIB, 100 * MIB, (gpu,), Options())
    assert (found.needed, found.on_gpu, found.fits) == (60 * MIB, 620 * MIB, False)


@pytest.mark.parametrize(
    ("file", "bits"),
    [("m-Q4_K_M.gguf", 4.9), ("m.q8_0.gguf", 8.5), ("m.gguf", 4.9), ("m-F16.gguf", 16.0)],
)
def test_a_file_that_is_not_here_is_estimated_by_the_type_in_its_name(
    file: str, bits: float
) -> None:
    entry = ModelEntry("m", Path(file), repository="o/n", file=file, parameters=8_000_000)
    assert estimated_size(entry) == int(bits * 1_000_000)


def test_nothing_is_said_to_fit_of_which_no_size_is_known() -> None:
    models = {"m": ModelEntry("m", Path("/nosuch/m.gguf"))}
    team = TeamEntry("t", Deferral("m", ()))
    with pytest.raises(
        BadModelFile, match=r"m\.gguf: no such model file, and the size of m is unknown"
    ):
        fit_team(Catalog(models, {}, {"t": team}), team, Options(n_ctx=512))


@pytest.mark.weights
def test_a_forecast_counts_files_once_and_contexts_each(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(small_llama().to_bytes())
    models = {name: ModelEntry(name, path) for name in ("a", "b")}
    team = TeamEntry("t", Deferral("a", ("b",), gate="entropy"))
    found = fit_team(Catalog(models, {}, {"t": team}), team, Options(n_ctx=512))
    assert [weight.name for weight in found.weights] == ["a"]
    assert [context.name for context in found.contexts] == ["base a", "expert b"]
    # llama.cpp says it in MiB with two decimals.
    assert all(abs(c.cache - 512 * 2 * 2 * 16 * 2) < 0.01 * MIB for c in found.contexts)
    assert found.fits
