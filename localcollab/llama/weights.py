"""A model file's tensors and tokenizer, loaded once and shared by every context opened on them."""

import ctypes
import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from localcollab.errors import BadModelFile, BadOption
from localcollab.llama import library
from localcollab.llama.bindings import GGML_TYPE_BF16, api
from localcollab.llama.header import Header, read_header
from localcollab.llama.loaded import LoadedModel, default_params, load_model
from localcollab.llama.machine import available_bytes
from localcollab.llama.options import KvType, Options
from localcollab.llama.tokenizer import read_vocabulary
from localcollab.vocabulary import Vocabulary

logger = logging.getLogger("localcollab.note")

Kind = Literal["decoder", "encoder", "encoder-decoder"]

_CELL_BYTES = 64
"""What llama.cpp stores per cache cell, besides key and value."""

LOAD_MODES = {
    "read": api.LLAMA_LOAD_MODE_NONE,
    "mmap": api.LLAMA_LOAD_MODE_MMAP,
    "mlock": api.LLAMA_LOAD_MODE_MLOCK,
}

# KV type -> (ggml type, bytes per value)
KV_TYPES: dict[KvType, tuple[int, float]] = {
    "f32": (api.GGML_TYPE_F32, 4), "f16": (api.GGML_TYPE_F16, 2), "bf16": (GGML_TYPE_BF16, 2),
    "q8_0": (api.GGML_TYPE_Q8_0, 34 / 32), "q5_1": (api.GGML_TYPE_Q5_1, 24 / 32),
    "q5_0": (api.GGML_TYPE_Q5_0, 22 / 32), "q4_1": (api.GGML_TYPE_Q4_1, 20 / 32),
    "q4_0": (api.GGML_TYPE_Q4_0, 18 / 32),
}  # fmt: skip


@dataclass(eq=False)
class Weights:
    """Loaded tensors. Freed with the last context, vocabulary and reference."""

    path: Path
    header: Header
    model: LoadedModel
    adapters: dict[tuple[Path, int, int], object] = field(default_factory=dict)
    """llama_adapter_lora * by file, size and time of its last change."""

    @property
    def pointer(self) -> object:
        """llama_model *"""
        return self.model.pointer

    @cached_property
    def vocabulary(self) -> Vocabulary:
        return read_vocabulary(self.model, self.path.name)

    @property
    def n_embd(self) -> int:
        return int(api.llama_model_n_embd(self.pointer))

    @property
    def n_layer(self) -> int:
        return int(api.llama_model_n_layer(self.pointer))

    @property
    def n_ctx_train(self) -> int:
        return int(api.llama_model_n_ctx_train(self.pointer))

    @property
    def n_window(self) -> int:
        """Positions that layers with a sliding window see; 0: no layer has one."""
        return int(api.llama_model_n_swa(self.pointer))

    @property
    def size_bytes(self) -> int:
        return int(api.llama_model_size(self.pointer))

    @property
    def kind(self) -> Kind:
        if not api.llama_model_has_decoder(self.pointer) or self.header.looks_ahead:
            return "encoder"
        return "encoder-decoder" if api.llama_model_has_encoder(self.pointer) else "decoder"

    @property
    def n_parameters(self) -> int:
        return int(api.llama_model_n_params(self.pointer))

    @property
    def keeps_state(self) -> bool:
        """Recurrent or hybrid: the cache is a state that cannot be truncated."""
        recurrent = api.llama_model_is_recurrent(self.pointer)
        return bool(recurrent or api.llama_model_is_hybrid(self.pointer))

    @property
    def chat_template(self) -> str | None:
        text = api.llama_model_chat_template(self.pointer, None)
        return text.decode("utf-8", "replace") if text else None

    @property
    def description(self) -> str:
        buffer = ctypes.create_string_buffer(256)
        api.llama_model_desc(self.pointer, buffer, 256)
        return buffer.value.decode("utf-8", "replace")

    def kv_bytes_per_token(self, bytes_a_value: float) -> int:
        """KV cache of one token, in bytes, from the header (recurrent states count as 0)."""
        return 0 if self.keeps_state else self.header.kv_bytes_per_token(bytes_a_value)


def load_weights(
    path: Path, options: Options, *, extra_buffers: bool, kind: Kind = "decoder"
) -> Weights:
    """Load a file that `probe` found sound; `extra_buffers` is its verdict.

    Raises `BadModelFile`, also for a model of another kind.
    """
    header = read_header(path)
    if options.n_gpu_layers and not library.supports_gpu():
        raise BadOption(
            f"`n_gpu_layers` is {options.n_gpu_layers}, but this llama-cpp-python has no GPU support: "
            "leave it out, or build it with CUDA or Metal (localcollab doctor)"
        )
    repack = extra_buffers if options.extra_buffers is None else options.extra_buffers
    if repack and not extra_buffers:
        raise BadOption(
            f"extra_buffers: llama.cpp crashes with repacked weights of {path.name} on this machine "
            "(localcollab doctor): leave the option out"
        )
    params = default_params()
    params.n_gpu_layers = -1 if options.n_gpu_layers is None else options.n_gpu_layers
    params.use_extra_bufts = repack
    params.load_mode = _load_mode(options, repack and header.is_quantized)
    weights = Weights(path, header, load_model(path, params))
    if kind == "decoder" and weights.kind != kind:
        raise BadModelFile(
            f"{path}: {weights.description} is not a decoder-only model: give one as a member"
        )
    if weights.kind != kind:
        raise BadModelFile(
            f"{path}: {weights.description} is a model of kind {weights.kind}, not {kind}: give another "
            "file"
        )
    return weights


def plan_weights(path: Path, n_gpu_layers: int | None, *, extra_buffers: bool) -> Weights:
    """The vocabulary and every number of a file, without its tensors. Raises `BadModelFile`."""
    header = read_header(path)
    params = default_params()
    params.no_alloc = True
    params.load_mode = LOAD_MODES["read"]  # with mmap no_alloc ends the process
    params.use_extra_bufts = extra_buffers
    params.n_gpu_layers = -1 if n_gpu_layers is None else n_gpu_layers
    return Weights(path, header, load_model(path, params))


def _load_mode(options: Options, repacked: bool) -> int:
    if options.load_mode != "auto":
        return int(LOAD_MODES[options.load_mode])
    # With mmap a repacked model is resident twice: the mapped file and the repacked copy.
    return int(api.LLAMA_LOAD_MODE_NONE if repacked else api.LLAMA_LOAD_MODE_MMAP)


def choose_n_ctx(weights: Weights, options: Options) -> int:
    """The context to open: as requested, or as trained, limited to a quarter of the free memory."""
    trained = weights.n_ctx_train
    free, a_token = available_bytes(), weights.kv_bytes_per_token(KV_TYPES[options.kv_type][1])
    if options.n_ctx is not None:
        # The cache is cleared at once: if it did not fit, this process or another would end.
        a_token = max(a_token, 0) + _CELL_BYTES
        if free is not None and options.n_ctx * a_token > free:
            raise BadOption(
                f"{weights.path.name}: a context of {options.n_ctx} tokens takes "
                f"{options.n_ctx * a_token / 2**30:.1f} GiB, {free / 2**30:.1f} GiB are free: give an "
                f"`n_ctx` of at most {free // a_token}"
            )
        if options.n_ctx > trained:
            logger.warning(
                "%s: n_ctx %d is more than the %d it was trained for",
                weights.path.name, options.n_ctx, trained,
            )  # fmt: skip
        return options.n_ctx
    if free is None or a_token <= 0:
        return trained
    affordable = max(256, free // 4 // a_token // 256 * 256)
    if affordable < trained:
        logger.warning(
            "%s: n_ctx %d instead of %d, to leave memory free; set n_ctx for another",
            weights.path.name, affordable, trained,
        )  # fmt: skip
    return min(trained, affordable)
