"""`localcollab serve`: teams behind OpenAI's API on loopback, with the author of every token.

request, serve   what is asked for; a process that answers
app, guard       routes; who may ask: Host, Origin, token, sizes
shelf, pool      which teams are loaded; who gets which of a team's seats (seats)
asking, writing  a body -> one `Ask`; an `Ask` on a seat -> events
bodies, errors   what a client may send, and what it is told is wrong
journal          conversations of clients in the history, if that is wanted
streams          server-sent events that end when the client goes away

How an answer is made is left to `decoding` and `teams`; only this room imports starlette and uvicorn.
"""
