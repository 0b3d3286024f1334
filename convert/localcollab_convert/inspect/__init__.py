"""`convert inspect`: what a GGUF file contains, and its size under every quantization.

The header is read in Python; llama.cpp reads the file in a child process that may crash.
"""
