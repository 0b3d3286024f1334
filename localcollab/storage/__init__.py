"""Files that every kind of data shares: private SQLite databases (`sqlite`), trained files as safetensors
with metadata (`artifact`) and file locks (`locking`).

What the tables, tensors and metadata mean is left to the rooms that own them.
"""
