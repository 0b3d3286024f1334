"""From a question to passages: BM25 over words and, if the collection has them, vectors of an encoder.

What becomes of the passages is left to `answer`.
"""
