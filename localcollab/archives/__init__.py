"""Teams on the move: checking that one runs here, exporting it to one file, importing that file.

An archive comes from outside and is treated as hostile. Opening a team is `localcollab.teams`,
downloading models is `localcollab.models`.
"""
