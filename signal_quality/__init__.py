"""Whether a recording can be read, lead by lead, and if not, why not."""

from signal_quality.assess import assess, assess_leads
from signal_quality.calibration import Uncalibrated, without_pulse
from signal_quality.quality import Finding, LeadQuality, Quality, QualityWord

__all__ = [
    "Finding",
    "LeadQuality",
    "Quality",
    "QualityWord",
    "Uncalibrated",
    "assess",
    "assess_leads",
    "without_pulse",
]
