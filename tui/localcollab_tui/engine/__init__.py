"""The models' thread: takes jobs (`messages`) from a queue and reports updates.

`thread` runs it, `worker` does each job; the rest is what a job needs: blends, the cached session, second
readers. It knows no screen and stores nothing.
"""
