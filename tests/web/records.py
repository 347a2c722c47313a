"""Records as text, as a person pastes them."""

from __future__ import annotations

import json

import numpy as np

from server.openapi.examples import record
from signals.leads import LEADS


def sinus() -> str:
    """Return the record of the documentation's examples."""
    return json.dumps(record())


def noise() -> str:
    """Return ten seconds of twelve leads that no electrode made."""
    rng = np.random.default_rng(7)
    signal = rng.normal(0.0, 2.0, (len(LEADS), 5000)).round(3).tolist()
    return json.dumps({"signal": signal, "fs": 500, "lead_names": list(LEADS)})
