"""A clean environment for every test: no settings of the user, no access to a hub."""

from __future__ import annotations

import os

KEPT = ("ECG_VENV", "ECG_SHARED_DATA")  # locations, not behaviour

for _name in [name for name in os.environ if name.startswith(("ECG_", "HF_")) and name not in KEPT]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read when huggingface_hub is imported; tests with a local hub start their own processes
)
