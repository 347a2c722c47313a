"""The types of the part `matrix`, from which /openapi.json is derived as from `answer_types`."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from typing_extensions import TypedDict

Milliseconds = Annotated[float, Ge(0)]


class MatrixRow(TypedDict):
    """The amplitudes and durations of one lead; null for what it does not have.

    Amplitudes are signed, in mV from the level before the QRS complex; durations are in ms.
    """

    derived: bool
    """The lead was not sent but computed from the other limb leads."""
    p_mv: float | None
    """From the straight line between the ends of P; the larger part of a biphasic P."""
    p_ms: Milliseconds | None
    """Of all leads together, as in `measurements`."""
    q_mv: float | None
    """The negative wave before R; the whole complex if it has no R (QS)."""
    q_ms: Milliseconds | None
    r_mv: float | None
    r_ms: Milliseconds | None
    s_mv: float | None
    """The negative wave after R."""
    s_ms: Milliseconds | None
    r2_mv: float | None
    """R', the positive wave after S."""
    r2_ms: Milliseconds | None
    t_mv: float | None
    """The larger part of a biphasic T."""
    jp_mv: float | None
    """The peak of a notch at the end of the QRS complex, on the final half of R's downslope."""
    j_mv: float | None
    """At the end of the QRS complex."""
    st40_mv: float | None
    """40 ms after the end of the QRS complex."""
    st60_mv: float | None
    st80_mv: float | None
    st_slope_mv_s: float | None
    """From J to 80 ms after it, mV per second."""
