"""`localcollab doctor`: what this machine and its llama.cpp can do, what is known about model files, and
what would make it faster."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from localcollab import __version__
from localcollab.cli.options import Json
from localcollab.errors import BadModelFile
from localcollab.llama import library, machine, rpc
from localcollab.llama.machine import available_bytes, physical_cores
from localcollab.llama.probe import Verdict, all_remembered, probe
from localcollab.llama.speed import Speed, faster_here, known_types, measure_types
from localcollab.terminal.printing import print_json, print_line
from localcollab.terminal.status import Status

# CPU feature as Linux names it -> llama.cpp's name of what uses it
_USEFUL = {
    "avx2": "AVX2", "fma": "FMA", "f16c": "F16C", "bmi2": "BMI2", "avx512f": "AVX512",
    "avx512_vnni": "AVX512_VNNI", "avx512_vbmi": "AVX512_VBMI", "avx512_bf16": "AVX512_BF16",
}  # fmt: skip
_WITHOUT_AMX = (
    'CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX=ON -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON '
    "-DGGML_BMI2=ON -DGGML_AVX512=ON -DGGML_AVX512_VBMI=ON -DGGML_AVX512_VNNI=ON "
    '-DGGML_AVX512_BF16=ON" pip install --force-reinstall --no-cache-dir --no-deps '
    "llama-cpp-python==0.3.36"
)


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def doctor(
    file: Annotated[list[Path] | None, typer.Argument(help="GGUF files to check.")] = None,
    speed: Annotated[
        bool,
        typer.Option(
            "--speed",
            help="Measure which quantizations are fast here (half a minute), and remember it.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what this machine and its llama.cpp can do, and what would make it faster.

    Exits with 1 if a given file cannot be used.
    """
    types = _measured() if speed else known_types()
    failures = [message for path in file or () if (message := _failure(path))]
    verdicts = list(telling(all_remembered()))
    features = library.system_info()
    report = {
        "localcollab": __version__,
        "cpu": machine.cpu_name(),
        "physical_cores": physical_cores(),
        "available_bytes": available_bytes(),
        "gpu_offload": library.supports_gpu(),
        "rpc": rpc.has_rpc(),
        "llama_cpp_features": [name for name, on in features.items() if on],
        "files": [asdict(verdict) for verdict in verdicts],
        "quantizations": {name: asdict(each) for name, each in types.items()},
        "failures": failures,
        "advice": [
            *advice(machine.cpu_flags(), features, verdicts),
            *faster_files(verdicts, types),
        ],
    }
    if as_json:
        print_json(report)
    else:
        _print(report, verdicts, types)
    if failures:
        raise typer.Exit(1)


def _failure(file: Path) -> str | None:
    try:
        probe(file, again=True)
    except BadModelFile as error:
        return str(error)
    return None


def telling(verdicts: list[Verdict]) -> Iterator[Verdict]:
    """Without the errors of a sound file that was once given where another kind is expected."""
    sound = {verdict.path for verdict in verdicts if verdict.is_sound}
    return (verdict for verdict in verdicts if verdict.is_sound or verdict.path not in sound)


def advice(
    cpu: frozenset[str], build: Mapping[str, bool], verdicts: list[Verdict]
) -> Iterator[str]:
    """What would make this machine faster, one line each."""
    unused = [name for flag, name in _USEFUL.items() if flag in cpu and not build.get(name)]
    if unused:
        yield (
            f"this CPU has {', '.join(unused)}, but llama.cpp was built without it: rebuild it on this "
            "machine (pip install --force-reinstall --no-cache-dir --no-deps llama-cpp-python==0.3.36)"
        )
    unsafe = [v for v in verdicts if v.is_sound and not v.extra_buffers]
    if unsafe and "amx_tile" in cpu:
        yield (
            f"repacked weights crash here ({len(unsafe)} files run without them): this CPU reports "
            f"AMX but cannot use it; a build without AMX is about 1.5 times as fast: {_WITHOUT_AMX}"
        )
    elif unsafe:
        yield f"{len(unsafe)} files run without repacked weights, because llama.cpp crashes with them"


def _measured() -> Mapping[str, Speed]:
    status = Status()
    types = measure_types(status.show)
    status.clear()
    return types


def faster_files(verdicts: list[Verdict], types: Mapping[str, Speed]) -> Iterator[str]:
    """Files whose quantization is slow here, as it was measured."""
    for verdict in verdicts:
        if verdict.is_sound and (found := faster_here(Path(verdict.path), types)):
            yield f"{verdict.path}: {found}"


def _type_lines(types: Mapping[str, Speed]) -> Iterator[str]:
    """Beside Q8_0, since no model has these speeds."""
    if not types:
        yield "quantizations: not measured yet (localcollab doctor --speed)"
        return
    beside = types["Q8_0"]
    for what in ("prompt", "answer"):
        ranked = sorted(types, key=lambda name: -getattr(types[name], what))
        ratios = (f"{n} {getattr(types[n], what) / getattr(beside, what):.2f}" for n in ranked)
        yield f"speed of quantizations here, {what} (Q8_0 = 1): {', '.join(ratios)}"


def _print(
    report: Mapping[str, object], verdicts: list[Verdict], types: Mapping[str, Speed]
) -> None:
    free = report["available_bytes"]
    memory = f"{free / 2**30:.1f} GiB free" if isinstance(free, int) else "free memory unknown"
    gpu = "offloads to a GPU" if report["gpu_offload"] else "CPU only"
    print_line(f"localcollab {report['localcollab']}")
    print_line(f"machine: {report['cpu']}, {report['physical_cores']} physical cores, {memory}")
    print_line(f"llama.cpp: {gpu}; {', '.join(library.system_info())}")
    for line in _type_lines(types):
        print_line(line)
    print_line(
        f"workers: {'can be used' if report['rpc'] else f'need RPC, not built in: {rpc.BUILD}'}"
    )
    for verdict in verdicts:
        state = verdict.error or ("repacked" if verdict.extra_buffers else "without repacking")
        print_line(f"file: {verdict.path}: {state} (sha256 {verdict.sha256[:12]})")
    for failure in report["failures"]:  # type: ignore[attr-defined]
        print_line(f"unusable: {failure}")
    for line in report["advice"]:  # type: ignore[attr-defined]
        print_line(f"advice: {line}")
    if not report["advice"]:
        print_line("advice: none")
