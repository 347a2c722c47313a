"""An analysis in the forms of earlier services: /predict, /classify and /diagnosis."""

from __future__ import annotations

from analysis import answer_types
from server.stages.classify_form import Classification, ClassifyForm, classification
from server.stages.diagnosis_form import DiagnosisForm, DiagnosticReport, diagnostic_report
from server.stages.predict_form import PredictForm, Prediction, prediction

LegacyForm = PredictForm | ClassifyForm | DiagnosisForm
AnyAnalysis = answer_types.Analysis | Prediction | Classification | DiagnosticReport


def in_form(analysis: answer_types.Analysis, form: LegacyForm | None) -> AnyAnalysis:
    """Return the analysis in the form that its route answers in; unchanged without a form."""
    if isinstance(form, PredictForm):
        return prediction(analysis, form)
    if isinstance(form, ClassifyForm):
        return classification(analysis, form)
    if isinstance(form, DiagnosisForm):
        return diagnostic_report(analysis, form)
    return analysis
