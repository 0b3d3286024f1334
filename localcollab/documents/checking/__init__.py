"""Whether a sentence follows from a sentence of a source: tokens, numbers, dates, what may be
left out.

Pure functions of two texts; no model judges. Which sources were sent, what is shown and what an
answer's claims are is left
to `answer`.
"""
