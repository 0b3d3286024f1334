"""`convert calm`: train a bridge, cross-attention from one model's layers to those of others (CALM).

`composition` is CALM in PyTorch, `train` its training, `make` the stages up to the bridge file. Inference
with a bridge, in NumPy and llama.cpp, is in `localcollab.methods`.
"""
