"""What the head of a table states is read whole, in the spelling of the file and its language."""

from __future__ import annotations

import numpy as np
import pytest

from errors import BadSamplingRate, MissingField
from formats.csv.statements import Rate, lead, sampling_rate
from formats.hints import Hints
from tests.formats.csv.test_csv import read_text

NO_HINTS = Hints()


@pytest.mark.parametrize(
    ("text", "decimal_sign", "fs"),
    [
        ("Messrate,511,562 Hertz", ",", 511.562),
        ("Messrate,511,562 Hertz", None, 511.562),
        ("Sample Rate,511.562 hertz", ",", 511.562),
        ("Sample Rate,1.000,0 Hz", ",", 1000.0),
        ("Sample Rate,1,000.0 Hz", ".", 1000.0),
        ("fs: 1,000 Hz", None, 1000.0),
        ("fs: 1'000 Hz", ".", 1000.0),
        ("サンプルレート,513.406ヘルツ", ".", 513.406),
        ("Частота,512 герц", ".", 512.0),
        ("Frecuencia de muestreo,512 hercios", None, 512.0),
        ("Näytteenottotaajuus,511,5 hertsiä", ",", 511.5),
        ("采样率,512 赫兹", None, 512.0),
        ("Sampling frequency (kHz) = 0,5", ",", 500.0),
        ("fs,500,12", ".", 500.0),
        ("fs=500,12 leads", ".", 500.0),
        ("fs=511,56 Hz", ".", 511.56),
        ("fs = 500.", ".", 500.0),
        ("fs: -250", ".", -250.0),
        ("fs: 250.5.1", ".", None),
        ("fs: 1e3", ".", None),
        ("fs: 1 000 Hz", ".", None),
        ("fs: 12.34,56 Hz", None, None),
    ],
)
def test_a_rate_is_the_whole_number_or_none(
    text: str, decimal_sign: str | None, fs: float | None
) -> None:
    assert sampling_rate([text], decimal_sign) == Rate(fs)


@pytest.mark.parametrize(
    "texts",
    [
        ["Notch frequency: 50 Hz"],
        ["low pass filter 40 Hz", "mains 50 Hz"],
        ["ECG 250 Hz, respiration 25 Hz"],
        ["acceleration 50 Hz", "ECG 130 Hz"],
        ["fs: about 250"],
    ],
)
def test_another_frequency_or_several_state_no_rate(texts: list[str]) -> None:
    assert sampling_rate(texts, None) is None


def test_a_rate_that_cannot_be_read_is_refused_unless_the_request_has_one() -> None:
    text = "fs: 1 000 Hz\nI,II\n1,2\n3,4\n5,6\n"
    with pytest.raises(BadSamplingRate) as caught:
        read_text(text, NO_HINTS)
    assert caught.value.errors[0].loc == ("fs",)
    assert read_text(text, Hints(fs=1000.0)).fs == 1000.0
    with pytest.raises(MissingField):
        read_text("ECG 250 Hz, pulse 25 Hz\nI,II\n1,2\n3,4\n5,6\n", NO_HINTS)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Lead,Lead I", "I"),
        ("Ableitung,Ableitung I", "I"),
        ("リード,リードI", "I"),
        ("Kytkentä,Kytkentä II", "II"),
        ("Dérivation,Dérivation I", "I"),
        ("Отведение,Отведение I", "I"),
        ("lead: V5", "V5"),
        ("leading,I", None),
        ("I,II", None),
    ],
)
def test_a_lead_is_found_by_its_key_or_by_a_value_that_repeats_it(
    text: str, name: str | None
) -> None:
    assert lead([text], [tuple(text.split(","))]) == name


HEADS = {
    "German": 'Name\nGeburtstag,"27.03.1987"\nAufzeichnungsdatum,2020-07-31 22:48:19 +0200\n'
    'Klassifizierung,Sinusrhythmus\nGerät,"Watch4,2"\nMessrate,511,562\u00a0Hertz\n\n\n'
    "Ableitung,Ableitung I\nEinheit,µV\n\n",
    "English": 'Name,X Y\nDate of Birth,"4 Jan 1992"\nRecorded Date,2020-07-31 22:48:19 +0200\n'
    'Classification,Sinus Rhythm\nDevice,"Watch4,2"\nSample Rate,511.562 hertz\n\n\n'
    "Lead,Lead I\nUnit,µV\n\n",
    "Japanese": '名前,X Y\n生年月日,"1990/01/01"\n記録日,2020-07-31 22:48:19 +0200\n分類,洞調律\n'
    'デバイス,"Watch4,2"\nサンプルレート,511.562ヘルツ\n\n\nリード,リードI\n単位,µV\n\n',
    "French": "Nom,X Y\nClassification,Rythme sinusal\nFréquence d’échantillonnage,511,562 hertz\n"
    "\n\nDérivation,Dérivation I\nUnité,µV\n\n",
    "Swedish": "Namn,X Y\nSamplingsfrekvens,511,562 hertz\n\n\nAvledning,Avledning I\nEnhet,µV\n\n",
}


@pytest.mark.parametrize("language", HEADS)
@pytest.mark.parametrize("decimal", [",", "."])
def test_the_export_of_a_watch_is_read_in_every_language(language: str, decimal: str) -> None:
    values = np.round(np.sin(np.arange(200) / 7) * 300, 3)
    minus = "\u2212" if language == "Swedish" else "-"
    cells = [f"{value:g}".replace(".", decimal).replace("-", minus) for value in values]
    record = read_text(HEADS[language] + "\n".join(cells) + "\n", NO_HINTS)
    assert (record.fs, record.lead_names, record.units) == (511.562, ("I",), "mV")
    assert record.warnings == ()
    np.testing.assert_allclose(record.signal[0], values / 1000, atol=1e-5)
    if language in ("German", "English", "Japanese"):
        assert record.recording_date == "2020-07-31T22:48:19"
        assert record.reported is not None and record.reported.device == "Watch4,2"
