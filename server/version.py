"""The version of the server.

pyproject.toml repeats it; tests/house/test_version.py compares them.
"""

from typing import Final

VERSION: Final = "0.1.0"
