"""`convert imatrix`: collect an importance matrix, which improves low-bit quantizations.

The file has llama.cpp's own format. Observing the weights' inputs is in `localcollab.llama`; quantizing
with the matrix is in `model`.
"""
