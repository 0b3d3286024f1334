"""What a terminal shows: the streamed answer with its authors, the status line, text made safe, the
standard streams (closed, full, in an encoding that lacks characters) and the one way to print a line.

The events are `localcollab.events`; what a command prints beside an answer is `localcollab.cli`.
"""
