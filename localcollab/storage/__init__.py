"""Files that every kind of data shares: private SQLite databases (`sqlite`), trained files as safetensors
with metadata (`artifact`), states of contexts (`state_files`) and file locks (`locking`); what is left in
a damaged database (`pages`), and what to do about an error of the system (`os_errors`).

What the tables, tensors and metadata mean is left to the rooms that own them.
"""
