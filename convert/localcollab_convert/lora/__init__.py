"""`convert lora`: a PEFT adapter to GGUF, so that base and expert share one copy of the weights.

llama.cpp's own converter does the conversion; the result is tried on the base before it is written.
"""
