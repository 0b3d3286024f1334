"""Model preparation for localcollab: converts models and trains heads; the runtime needs no torch.

`cli` registers the commands. Each has a room with `cli` (options -> request; prints the result),
`request` (records and range checks) and `make` (request -> result). `staging`, `formats` and `export` are
shared.
"""
