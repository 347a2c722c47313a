"""Every test starts from a clean environment: the settings of whoever runs it must not leak in, nor may a test reach a hub."""

from __future__ import annotations

import os

KEPT = ("ECG_VENV", "ECG_SHARED_DATA")  # where things lie, not how the server behaves

for _name in [name for name in os.environ if name.startswith(("ECG_", "HF_")) and name not in KEPT]:
    del os.environ[_name]
os.environ["HF_HUB_OFFLINE"] = (
    "1"  # read when huggingface_hub is imported; tests that play the hub start processes of their own
)
