"""Getting a database back: find its dump, check it, load it where it can reach nothing else."""
