"""The five diagnostic superclasses of PTB-XL (Wagner et al., Scientific Data 7:154, 2020).

A top-level module like errors.py: the model store, the heads, the analysis and the training need
these names, and the model store and the heads do not import each other.
"""

from __future__ import annotations

from typing import Final

# In PTB-XL's order. Labels with these names form the part `superclass` of /analyze.
SUPERCLASSES: Final = ("NORM", "MI", "STTC", "CD", "HYP")
