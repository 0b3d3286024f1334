"""Every option reaches llama.cpp or is refused with what it may be."""

import os

import pytest

from localcollab.errors import BadOption
from localcollab.llama.machine import available_bytes, physical_cores
from localcollab.llama.options import MAX_THREADS, TINY_BYTES, Options, threads_for


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_ctx": 0}, "`n_ctx` is 0: give a number from 1 to"),
        ({"n_ctx": 2**24 + 1}, "`n_ctx` is"),
        ({"n_threads": MAX_THREADS + 1}, "`n_threads` is 513: give a number from 1 to 512"),
        ({"n_batch": -1}, "`n_batch` is -1"),
        ({"n_ubatch": 0}, "`n_ubatch` is 0"),
        ({"n_outputs": 0}, "`n_outputs` is 0"),
        ({"n_gpu_layers": -1}, "`n_gpu_layers` is -1: give 0 or more"),
        ({"kv_type": "q9"}, "`kv_type` is 'q9': choose one of f32, f16"),
        ({"flash_attention": "maybe"}, "choose one of auto, on, off"),
        ({"load_mode": "floppy"}, "choose one of auto, mmap, read, mlock"),
        ({"kv_type": "q8_0", "flash_attention": "off"}, "q8_0 needs flash attention"),
    ],
)
def test_an_option_out_of_range_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(BadOption, match=message):
        Options(**options)  # type: ignore[arg-type]


def test_choices_of_a_context_share_a_load() -> None:
    assert Options(n_ctx=5).loading() == Options(n_threads=2).loading()
    assert Options(load_mode="read").loading() != Options().loading()


def test_tiny_weights_take_one_thread_unless_told_otherwise() -> None:
    assert threads_for(TINY_BYTES - 1, Options()) == 1
    assert threads_for(TINY_BYTES, Options()) == physical_cores()
    assert threads_for(1, Options(n_threads=3)) == 3


def test_the_machine_is_measured_plausibly() -> None:
    free = available_bytes()
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)
    assert free is None or 2**20 < free < 2**50
