"""Composition roots: the only places that know which database, media store and limits a process uses. One a role, so
that a process loads what it does and nothing else."""
