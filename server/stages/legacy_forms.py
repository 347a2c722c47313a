"""An analysis in the forms of earlier services: /predict and /classify."""

from __future__ import annotations

from analysis import answer_types
from server.stages.classify_form import Classification, ClassifyForm, classification
from server.stages.predict_form import PredictForm, Prediction, prediction

LegacyForm = PredictForm | ClassifyForm
AnyAnalysis = answer_types.Analysis | Prediction | Classification


def in_form(analysis: answer_types.Analysis, form: LegacyForm | None) -> AnyAnalysis:
    """Return the analysis in the form that its route answers in; unchanged without a form."""
    if isinstance(form, PredictForm):
        return prediction(analysis, form)
    if isinstance(form, ClassifyForm):
        return classification(analysis, form)
    return analysis
