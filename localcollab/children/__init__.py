"""Child processes: one launcher starts them all, with limits, and none outlives its parent.

`launch` is the parent's side, `bootstrap` the child's, `limits` what a child may take, `ended` how it
ended, in plain words. What a child does, and which limits suit it, is its caller's.
"""
