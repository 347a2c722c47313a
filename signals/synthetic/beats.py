"""The beats of the synthetic hearts: their P waves, QRS complexes, T waves and pacing spikes.

The sinus beat, left bundle branch block and ventricular pacing: the vectors of the pulses are those
with which Dower's matrix comes closest to the mean beat of such recordings in PTB-XL, aligned at
the onset of the QRS complex, then shaped by hand where a mean over many people blurs (the P wave,
the notch of the block). The ventricular tachycardia and the premature beat are shaped by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from signals.synthetic.waves import Pulse, moved, stretched

# The interval at which a beat's T wave is as it is given.
REFERENCE_RR_S: Final = 0.9
# Fridericia's exponent: QT grows with the cube root of the interval before it.
QT_EXPONENT: Final = 1.0 / 3.0


@dataclass(frozen=True)
class Spike:
    """A pacing spike: the heart vector during the pulse of the pacemaker."""

    before_qrs_ms: float
    width_ms: float
    vector_mv: tuple[float, float, float]


@dataclass(frozen=True)
class Beat:
    """The pulses of one beat. Times are from the onset of the QRS complex; P's are from its own.

    pr_ms  from P's onset to the QRS complex's
    """

    qrs: tuple[Pulse, ...] = ()
    t: tuple[Pulse, ...] = ()
    p: tuple[Pulse, ...] = ()
    pr_ms: float = 0.0
    spike: Spike | None = None

    @property
    def qrs_ms(self) -> float:
        return max(pulse.stop_ms for pulse in self.qrs) - self.qrs_onset_ms

    @property
    def qrs_onset_ms(self) -> float:
        return min(pulse.start_ms for pulse in self.qrs)

    def qt_ms(self, rr_s: float) -> float:
        """Return the QT interval after an interval of rr_s."""
        offset_ms = max(pulse.stop_ms for pulse in self.t)
        return offset_ms * _qt_factor(rr_s) - self.qrs_onset_ms

    def pulses(self, rr_s: float) -> tuple[Pulse, ...]:
        """Return all pulses of a beat that follows another after rr_s."""
        return moved(self.p, -self.pr_ms) + self.qrs + stretched(self.t, _qt_factor(rr_s))


def _qt_factor(rr_s: float) -> float:
    return float((rr_s / REFERENCE_RR_S) ** QT_EXPONENT)


P_WAVE: Final = (
    Pulse(0.0, 40.0, 86.0, (0.05, 0.07, -0.04)),  # right atrium
    Pulse(26.0, 70.0, 112.0, (0.10, 0.06, 0.02)),  # left atrium
)
_NARROW_QRS: Final = (
    Pulse(-4.0, 14.0, 32.0, (-0.07, -0.02, -0.08)),  # septum
    Pulse(8.0, 28.0, 46.0, (0.13, 0.03, -0.17)),
    Pulse(22.0, 40.0, 58.0, (0.66, 0.30, -0.01)),
    Pulse(34.0, 52.0, 72.0, (0.73, 0.45, 0.38)),
    Pulse(46.0, 66.0, 98.0, (-0.05, 0.10, 0.50)),
)
_NARROW_T: Final = (
    Pulse(84.0, 240.0, 380.0, (0.09, 0.04, -0.12)),
    Pulse(190.0, 304.0, 388.0, (0.27, 0.12, -0.17)),
)
SINUS: Final = Beat(_NARROW_QRS, _NARROW_T, P_WAVE, pr_ms=160.0)
FIRST_DEGREE_BLOCK: Final = replace(SINUS, pr_ms=260.0)
WITHOUT_P: Final = replace(SINUS, p=())
P_ALONE: Final = Beat(p=P_WAVE)

LEFT_BUNDLE_BRANCH_BLOCK: Final = replace(
    SINUS,
    qrs=(
        Pulse(-4.0, 22.0, 46.0, (0.05, 0.02, -0.13)),
        Pulse(8.0, 46.0, 80.0, (0.70, 0.32, 0.82)),
        Pulse(38.0, 74.0, 114.0, (0.30, 0.12, 1.80)),
        Pulse(66.0, 102.0, 134.0, (0.66, -0.15, 0.80)),
        Pulse(94.0, 124.0, 156.0, (0.15, -0.18, 0.20)),
    ),
    t=(
        Pulse(120.0, 200.0, 390.0, (-0.11, -0.05, -0.22)),
        Pulse(180.0, 322.0, 430.0, (-0.14, -0.02, -0.40)),
    ),
)
VENTRICULAR_PACING: Final = Beat(
    qrs=(
        Pulse(-4.0, 18.0, 46.0, (0.14, 0.10, -0.06)),
        Pulse(8.0, 50.0, 92.0, (0.28, -0.22, 0.40)),
        Pulse(40.0, 84.0, 128.0, (0.48, -0.93, 0.90)),
        Pulse(78.0, 114.0, 150.0, (0.42, -0.62, 0.66)),
        Pulse(108.0, 138.0, 170.0, (0.08, -0.18, 0.14)),
    ),
    t=(
        Pulse(118.0, 210.0, 380.0, (-0.08, 0.09, -0.11)),
        Pulse(190.0, 332.0, 418.0, (-0.14, 0.32, -0.29)),
    ),
    spike=Spike(before_qrs_ms=16.0, width_ms=0.6, vector_mv=(1.2, -1.6, 0.8)),
)
VENTRICULAR_TACHYCARDIA: Final = Beat(
    qrs=(
        Pulse(-4.0, 20.0, 42.0, (0.22, -0.14, -0.45)),
        Pulse(14.0, 44.0, 70.0, (-0.25, -1.05, -1.10)),
        Pulse(40.0, 70.0, 98.0, (-1.00, -1.10, -0.50)),
        Pulse(68.0, 96.0, 122.0, (-0.70, -0.60, -0.65)),
        Pulse(94.0, 118.0, 146.0, (-0.20, -0.20, -0.12)),
    ),
    t=(Pulse(150.0, 300.0, 420.0, (0.17, 0.24, 0.17)),),
)
PREMATURE_VENTRICULAR: Final = Beat(
    qrs=(
        Pulse(-4.0, 26.0, 56.0, (0.10, 0.30, 0.15)),
        Pulse(16.0, 58.0, 98.0, (0.40, 1.00, 0.75)),
        Pulse(56.0, 96.0, 132.0, (0.45, 0.60, 0.80)),
        Pulse(96.0, 126.0, 156.0, (0.10, 0.10, 0.30)),
    ),
    t=(Pulse(150.0, 320.0, 440.0, (-0.35, -0.45, -0.45)),),
)
