"""An expert that is a LoRA of its base: the base's own weights and a small adapter, in one memory.

`base` reads a GGUF file into PyTorch, `layers` adds the LoRA, `rows` and `train` teach it the lessons of
`study`, `file` writes the adapter, `ability` measures what it forgot and `make` does it all.
"""
