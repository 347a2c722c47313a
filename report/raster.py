"""The report as a picture, rasterised from the PDF."""

from __future__ import annotations

import io
from typing import Final

import pypdfium2

PNG_DPI: Final = 300
POINTS_PER_INCH: Final = 72
COMPRESSION: Final = 3  # zlib's; 6 takes half as long again for a tenth less


def png_report(pdf: bytes) -> bytes:
    """Return the PDF's page as a PNG of PNG_DPI."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        image = document[0].render(scale=PNG_DPI / POINTS_PER_INCH).to_pil()
    finally:
        document.close()
    encoded = io.BytesIO()
    image.save(encoded, "PNG", dpi=(PNG_DPI, PNG_DPI), compress_level=COMPRESSION)
    return encoded.getvalue()
