"""What long commands stand on: resumable stages, output files and locks, child processes, range checks.

Knows nothing of models, heads or the command line. A killed command leaves a folder that the same
command continues.
"""
