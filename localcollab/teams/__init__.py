"""From the name of a team, or files, to models that answer as one.

`choice` picks, `plan` says what to open, `open` opens it, `build` applies the method, `session` holds a
conversation. The methods themselves are `localcollab.methods`; blends are `localcollab.blend`.
"""
