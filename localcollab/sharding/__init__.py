"""Long work in shards: one after another in this process, or on many at once.

A shard's result depends on the shard alone, so the results are the same bytes however many work.
`work.py` says what a task is and does it here; `by_ray.py` spreads it over a Ray cluster.
"""
