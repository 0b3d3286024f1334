"""`chat --server URL`: the chat's jobs done by a server with OpenAI's API, as `localcollab serve` is one.

address, connection   where it is; requests to this one address, which a stop event ends
models                what it offers
events, worker        chunks of a stream -> events of an answer; jobs -> updates, as `engine.worker`

It knows no screen and stores nothing.
"""
