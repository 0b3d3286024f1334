"""How weights are loaded and contexts opened. Every field reaches llama.cpp or raises an error."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from localcollab.errors import BadOption
from localcollab.language_model import rows_at_once
from localcollab.llama.machine import physical_cores

KvType = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
FlashAttention = Literal["auto", "on", "off"]
LoadMode = Literal["auto", "mmap", "read", "mlock"]

MAX_THREADS = 512
"""ggml ends the process for more."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to load weights and open contexts on them. Raises `BadOption`."""

    n_ctx: int | None = None
    """Context size in tokens; None: as trained, limited by free memory."""
    n_threads: int | None = None
    """None: the number of physical cores; 1 for a model too small to gain from threads."""
    n_gpu_layers: int | None = None
    """Layers on the GPU; None: all, if the build has GPU support. Above 0 on a CPU build is an error."""
    kv_type: KvType = "f16"
    flash_attention: FlashAttention = "auto"
    load_mode: LoadMode = "auto"
    """auto: mmap, but read if weights are repacked, so that they are not in memory twice."""
    extra_buffers: bool | None = None
    """Repack weights for this CPU. None: if the probe found it safe; True is an error if it did not."""
    n_batch: int = 512
    """Tokens per chunk of a read; `on_chunk` is called between chunks."""
    n_ubatch: int = 512
    n_outputs: int | None = None
    """Positions with logits per chunk: limits a buffer of n_outputs x n_vocab floats. None: what
    `rows_at_once` says, which is 64 MiB."""

    def __post_init__(self) -> None:
        most = {"n_ctx": 2**24, "n_threads": MAX_THREADS, "n_batch": 2**20, "n_ubatch": 2**20,
                "n_outputs": 2**20}  # fmt: skip
        for name, limit in most.items():
            value = getattr(self, name)
            if value is not None and not 1 <= value <= limit:
                raise BadOption(f"`{name}` is {value}: give a number from 1 to {limit}")
        if self.n_gpu_layers is not None and self.n_gpu_layers < 0:
            raise BadOption(
                f"`n_gpu_layers` is {self.n_gpu_layers}: give 0 or more, or leave it out"
            )
        choices = {"kv_type": KvType, "flash_attention": FlashAttention, "load_mode": LoadMode}
        for name, allowed in choices.items():
            if getattr(self, name) not in get_args(allowed):
                known = ", ".join(get_args(allowed))
                raise BadOption(f"`{name}` is {getattr(self, name)!r}: choose one of {known}")
        if self.kv_type.startswith("q") and self.flash_attention == "off":
            raise BadOption(
                f"`kv_type` {self.kv_type} needs flash attention: give `flash_attention` as on or auto"
            )

    def or_else(self, *, n_ctx: int | None, n_threads: int | None) -> "Options":
        """These, and the given values where nothing was chosen."""
        return replace(
            self,
            n_ctx=n_ctx if self.n_ctx is None else self.n_ctx,
            n_threads=n_threads if self.n_threads is None else self.n_threads,
        )

    def outputs_of(self, n_vocab: int) -> int:
        return rows_at_once(n_vocab) if self.n_outputs is None else self.n_outputs

    def loading(self) -> tuple[object, ...]:
        """The options of the weights, not of a context: contexts with equal ones share the weights."""
        return (self.n_gpu_layers, self.load_mode, self.extra_buffers)


TINY_BYTES = 64 * 2**20
"""Smaller weights are read by one thread by default.

At 4M parameters a second thread saves a third of 0.6 ms per token on an idle machine; on a busy one the
barriers between threads cost a hundred times what they save.
"""


def threads_for(size_bytes: int, options: Options) -> int:
    """The number of threads for weights of `size_bytes`."""
    if options.n_threads is not None:
        return options.n_threads
    return 1 if size_bytes < TINY_BYTES else physical_cores()
