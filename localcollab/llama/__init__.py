"""The llama.cpp seam: the only rooms of the house that call llama.cpp, by one door, `bindings`.

options   what a caller may choose; pure data
header    is this file a sound GGUF? pure Python, before llama.cpp sees it
probe     one token in a child process, remembered: what llama.cpp does with a file on this machine
bindings  the one door to llama_cpp and libggml-base; all below go through it
library   start-up, log, build, errors of the shared library
loaded    a model file as llama.cpp has loaded it
weights   a file's tensors and tokenizer, loaded once, shared by contexts
context   a `LanguageModel`: one KV cache on some weights

Written and measured against llama-cpp-python 0.3.36. Nothing is imported here: callers that only
need options or the probe's verdict never load the library.
"""
