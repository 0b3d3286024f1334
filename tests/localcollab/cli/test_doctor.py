"""What doctor advises, for machines that are not this one."""

from localcollab.cli.doctor import advice, telling
from localcollab.llama.probe import Verdict

FULL = {"AVX2": True, "FMA": True, "F16C": True, "BMI2": True, "AVX512": True}


def verdict(*, error: str | None = None, extra_buffers: bool = True) -> Verdict:
    return Verdict("m.gguf", 1, 2, "build", "0" * 64, error, extra_buffers)


def test_a_machine_that_is_used_fully_gets_no_advice() -> None:
    cpu = frozenset({"avx2", "fma", "f16c", "bmi2", "avx512f"})
    assert list(advice(cpu, FULL, [verdict()])) == []


def test_features_of_the_cpu_that_the_build_lacks_are_named() -> None:
    (line,) = advice(frozenset({"avx2", "avx512f"}), {"AVX2": True}, [])
    assert line.startswith("this CPU has AVX512, but llama.cpp was built without it: rebuild")


def test_a_broken_amx_is_told_with_the_build_that_avoids_it() -> None:
    (line,) = advice(frozenset({"amx_tile"}), {}, [verdict(extra_buffers=False)] * 2)
    assert "(2 files run without them)" in line
    assert 'CMAKE_ARGS="-DGGML_NATIVE=OFF' in line


def test_crashes_without_amx_are_told_without_guessing() -> None:
    (line,) = advice(frozenset(), {}, [verdict(extra_buffers=False)])
    assert line == "1 files run without repacked weights, because llama.cpp crashes with them"


def test_a_file_that_cannot_be_used_says_nothing_of_the_machine() -> None:
    unusable = verdict(error="damaged", extra_buffers=False)
    assert list(advice(frozenset({"amx_tile"}), {}, [unusable])) == []


def test_a_sound_file_that_was_no_encoder_is_named_once() -> None:
    refused = verdict(error="is a model of kind decoder, not encoder")
    assert list(telling([refused, verdict()])) == [verdict()]
    assert list(telling([refused])) == [refused]
