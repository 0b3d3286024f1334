"""`convert model`: convert a Hugging Face folder or an unquantized GGUF file, quantize and verify it.

`conversion` makes the files in resumable stages, `converter` runs llama.cpp's own converter, and
`verification` compares each file with the original by `verify`. llama.cpp's quantizer is in
`localcollab.llama`.
"""
