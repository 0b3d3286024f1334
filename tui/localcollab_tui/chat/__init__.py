"""The chat screen: the conversation, the field below it, the token pane and the status line.

`view` is the layout and what changes it, `screen` binds the keys; between them one part for each thing:
commands, updates of the models' thread, the token cursor, hints while typing. Widgets and modal screens
have rooms of their own.
"""
