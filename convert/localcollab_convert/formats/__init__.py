"""What models are converted from and to: Hugging Face folders, unquantized GGUF files, Llama in PyTorch.

Reads and checks sources, and moves the weights of a Llama between transformers and GGUF. Conversion of
other architectures is left to llama.cpp's own converter, which `model` runs.
"""
