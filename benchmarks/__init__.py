"""Measurements; each prints a table, with the machine and the versions it was made with."""
