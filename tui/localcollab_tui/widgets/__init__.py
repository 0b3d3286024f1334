"""What the chat is made of: the composer, the log, questions, answers, candidates, the token pane.

A widget shows what it is given and posts what the user does; it asks no model and reads no history.
"""
