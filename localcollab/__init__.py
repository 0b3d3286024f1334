"""localcollab: several small local language models answer as one.

A team of models is itself a `LanguageModel`; everything else follows from that. Import the
module you need: nothing here is loaded before it is used.
"""

__version__ = "0.2.0"
