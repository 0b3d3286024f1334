"""Any team under EleutherAI's lm-evaluation-harness (PyPI `lm-eval`, extra `harness`).

`model` registers it as `localcollab`; `python -m localcollab.harness` is the command `lm_eval` with it.
How tasks are written, prompted and scored is the harness's.
"""
