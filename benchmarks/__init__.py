"""Measurements of a running server; each prints a table with the machine and the versions beside it."""
