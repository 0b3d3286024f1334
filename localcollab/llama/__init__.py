"""The only code that calls llama.cpp, through one module, `bindings`.

Checks GGUF files (`header`, `probe`), loads them once (`weights`) and opens contexts on them that are
`LanguageModel`s (`context`) or encoders (`encoder`, `encoder_decoder`). Knows nothing of teams or chats.
Written for llama-cpp-python 0.3.36. What this room decides and a user should know is logged to
`localcollab.note`; importing `options`, `header`, `machine` or `probe` does not load the library.
"""

import logging

for _name in ("localcollab.llama", "localcollab.note"):
    logging.getLogger(_name).addHandler(logging.NullHandler())
