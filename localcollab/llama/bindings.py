"""The only module that imports llama_cpp: `api`, its C bindings, and what they lack of libggml-base.

Importing this loads the shared library.
"""

import ctypes
from functools import cache

from localcollab.llama.machine import library_dir
from localcollab.llama.threads import bound_spinning

bound_spinning()  # libgomp, which comes with the library, reads it once

import llama_cpp.llama_cpp as api  # noqa: E402
from llama_cpp._ctypes_extensions import load_shared_library  # noqa: E402

__all__ = ["GGML_TYPE_BF16", "api", "ggml", "linked"]

GGML_TYPE_BF16 = 30


def linked() -> ctypes.CDLL:
    """libllama, with whatever it links to, in the copies that it uses."""
    library: ctypes.CDLL = api._lib
    return library


@cache
def ggml() -> ctypes.CDLL:
    """libggml-base, with the signatures used here (ggml.h, ggml-backend.h)."""
    library: ctypes.CDLL = load_shared_library("ggml-base", library_dir())
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    for name in (library.ggml_get_name, library.ggml_op_desc):
        name.restype, name.argtypes = ctypes.c_char_p, [pointer]
    library.ggml_nelements.restype, library.ggml_nelements.argtypes = ctypes.c_int64, [pointer]
    library.ggml_nbytes.restype, library.ggml_nbytes.argtypes = size, [pointer]
    for copy in (library.ggml_backend_tensor_get, library.ggml_backend_tensor_set):
        copy.restype, copy.argtypes = None, [pointer, pointer, size, size]
    return library
