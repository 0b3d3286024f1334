"""What a file says that newer documents of a collection say otherwise: proposed, never written.

A change is proposed only where the sentence with the new value follows from one sentence of the newer
document (`checking`), and both speak of the same thing. Nothing is judged by a model.
"""
