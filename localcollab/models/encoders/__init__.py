"""A sentence encoder, by name or as a Hugging Face folder -> a GGUF file, made where it is missing.

What its vectors are used for is left to the rooms above.
"""
