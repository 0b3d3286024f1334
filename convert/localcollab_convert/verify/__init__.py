"""`convert verify`: is a GGUF file still the model it was made from?

Compares tokenizers (`parity`), predictions on a text (`divergence`) and the decisions of a head; `rebind`
writes the head for the new file. Files that are compared are made by `model`.
"""
