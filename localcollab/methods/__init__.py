"""Token-level methods, one file each: deferral, logit arithmetic, CALM, and what they need.

Each takes `LanguageModel`s and is one; heads, bridges and fitted mixtures are loaded and checked here.
Which models a team has is left to `catalog`, opening them to `teams`, training to `localcollab_convert`.
"""
