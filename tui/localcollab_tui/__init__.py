"""The terminal app: `localcollab chat`, with a screen or line by line (`--plain`).

`app` and `plain` are the two front ends; `chat`, `screens` and `widgets` are what is seen, `conversation`
what is said, `engine` the models' thread. `messages` are the records between the last two.
"""
