"""What a terminal shows: the streamed answer with its authors, the status line, text made safe.

The events are `localcollab.events`; what a command prints beside an answer is `localcollab.cli`.
"""
