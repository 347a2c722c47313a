"""Make strings of the numbers of characters that a file states."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_MAX_CHARACTER: Final = 0x10FFFF
_NO_CHARACTER: Final = 0xFFFD  # U+FFFD, the replacement character
_SURROGATES: Final = (0xD800, 0xDFFF)  # halves of a character beyond U+FFFF


def valid_characters(codes: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the numbers of characters in Unicode, with U+FFFD for those that are no character.

    numpy would raise an error for a number above U+10FFFF only when the string is used, and a
    surrogate would break the encoding of the answer.

    codes  numbers of any type; MATLAB can store a text as doubles
    """
    first, last = _SURROGATES
    # Written as "within", because a NaN is within nothing.
    is_character = (codes >= 0) & (codes < first) | (codes > last) & (codes <= _MAX_CHARACTER)
    characters = np.full(codes.shape, _NO_CHARACTER, np.uint32)
    characters[is_character] = codes[is_character]
    return characters


def valid_strings(strings: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return an array of strings of a file with U+FFFD for what is no character."""
    if strings.size == 0:
        return strings
    native = np.ascontiguousarray(strings).astype(strings.dtype.newbyteorder("="))
    codes = valid_characters(native.reshape(-1, 1).view(np.uint32))
    return codes.view(native.dtype).reshape(strings.shape)
