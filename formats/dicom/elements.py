"""Parse a DICOM data set into the elements that an ECG needs, within a number of elements.

Every other element is skipped without a copy. The cost is linear in the bytes, and limited by
MAX_ELEMENTS: pydicom inflates a deflated data set without a limit, and creates an object for each
of the millions of items that a file may have.

Sources: DICOM PS3.5 7 (encoding) and 7.5 (sequences), PS3.10 7.1 (file meta information),
PS3.6 6 (tags)
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from pydicom.charset import decode_bytes, python_encoding

from errors import CorruptFile, UnknownFormat, UnsafeFile
from formats.numbers import whole_number

MAX_ELEMENTS: Final = 200_000  # elements and items; real files have 10,000 and less
MAX_DEPTH: Final = 16  # of nested sequences; a waveform object has 4
MAX_TEXT_BYTES: Final = 1024  # a text of VR LO or SH has up to 64 characters
MAX_NUMBERS: Final = 1024  # in one element; a waveform annotation refers to two a channel

# Keyword -> (tag, value representation), for every element that is read.
ELEMENTS: Final = {
    "TransferSyntaxUID": (0x00020010, "UI"),
    "SpecificCharacterSet": (0x00080005, "CS"),
    "StudyDate": (0x00080020, "DA"),
    "AcquisitionDate": (0x00080022, "DA"),
    "ContentDate": (0x00080023, "DA"),
    "AcquisitionDateTime": (0x0008002A, "DT"),
    "StudyTime": (0x00080030, "TM"),
    "AcquisitionTime": (0x00080032, "TM"),
    "ContentTime": (0x00080033, "TM"),
    "Manufacturer": (0x00080070, "LO"),
    "ReferringPhysicianName": (0x00080090, "PN"),
    "CodeValue": (0x00080100, "SH"),
    "CodeMeaning": (0x00080104, "LO"),
    "PhysiciansOfRecord": (0x00081048, "PN"),
    "PerformingPhysicianName": (0x00081050, "PN"),
    "NameOfPhysiciansReadingStudy": (0x00081060, "PN"),
    "OperatorsName": (0x00081070, "PN"),
    "ManufacturerModelName": (0x00081090, "LO"),
    "PatientName": (0x00100010, "PN"),
    "PatientID": (0x00100020, "LO"),
    "PatientBirthDate": (0x00100030, "DA"),
    "PatientSex": (0x00100040, "CS"),
    "PatientAge": (0x00101010, "AS"),
    "MultiplexGroupTimeOffset": (0x00181068, "DS"),
    "WaveformOriginality": (0x003A0004, "CS"),
    "NumberOfWaveformChannels": (0x003A0005, "US"),
    "NumberOfWaveformSamples": (0x003A0010, "UL"),
    "SamplingFrequency": (0x003A001A, "DS"),
    "MultiplexGroupLabel": (0x003A0020, "SH"),
    "ChannelDefinitionSequence": (0x003A0200, "SQ"),
    "ChannelLabel": (0x003A0203, "SH"),
    "ChannelSourceSequence": (0x003A0208, "SQ"),
    "ChannelSensitivity": (0x003A0210, "DS"),
    "ChannelSensitivityUnitsSequence": (0x003A0211, "SQ"),
    "ChannelSensitivityCorrectionFactor": (0x003A0212, "DS"),
    "ChannelBaseline": (0x003A0213, "DS"),
    "ConceptNameCodeSequence": (0x0040A043, "SQ"),
    "ReferencedWaveformChannels": (0x0040A0B0, "US"),
    "NumericValue": (0x0040A30A, "DS"),
    "WaveformAnnotationSequence": (0x0040B020, "SQ"),
    "WaveformSequence": (0x54000100, "SQ"),
    "UnformattedTextValue": (0x00700006, "ST"),
    "WaveformBitsAllocated": (0x54001004, "US"),
    "WaveformSampleInterpretation": (0x54001006, "CS"),
    "WaveformPaddingValue": (0x5400100A, "OW"),
    "WaveformData": (0x54001010, "OW"),
}
_REPRESENTATION: Final = dict(ELEMENTS.values())
_SEQUENCES: Final = frozenset(tag for tag, vr in ELEMENTS.values() if vr == "SQ")
_CHARACTER_SET: Final = ELEMENTS["SpecificCharacterSet"][0]

_DEFAULT_ENCODING: Final = "iso8859"  # Python's name of ISO 8859-1, pydicom's default
_ESCAPE: Final = b"\x1b"  # switches the character set within a text
_PADDING: Final = " \0"

_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_HEAD_BYTES: Final = 8
# PS3.5 table 7.1-1: after these two bytes are reserved, and four hold the length.
_LONG: Final = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT: Final = frozenset(
    (
        *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO"),
        *(b"LT", b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
    )
)
# Value representations that hold bytes of any meaning; the element's own one counts instead.
_OPAQUE: Final = ("UN", "OB", "OW", "")
_BINARY_NUMBERS: Final = {
    "US": "u2", "SS": "i2", "UL": "u4", "SL": "i4", "UV": "u8", "SV": "i8", "FL": "f4", "FD": "f8",
}  # fmt: skip

_PREAMBLE_BYTES: Final = 128
_MARK: Final = b"DICM"
_META_GROUP: Final = 2
_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
# A group of this size or more, read as little-endian, is a big-endian one: 0x0008 as 0x0800.
_SWAPPED_GROUP: Final = 0x0400


@dataclass(frozen=True)
class _Element:
    """The value of one element: its bytes, or its items if it is a sequence."""

    representation: str
    value: memoryview
    items: tuple[DataSet, ...] = ()


@dataclass(frozen=True, eq=False)
class DataSet:
    """The elements of a data set, or of an item, that ELEMENTS names.

    surplus_bytes  at the end of the file that are no complete element, other than zeros
    """

    little_endian: bool = True
    encodings: tuple[str, ...] = (_DEFAULT_ENCODING,)
    elements: Mapping[int, _Element] = field(default_factory=dict)
    surplus_bytes: int = 0

    def has(self, keyword: str) -> bool:
        """Return whether the element is there and has a value."""
        element = self._element(keyword)
        return element is not None and (len(element.value) > 0 or len(element.items) > 0)

    def items(self, keyword: str) -> tuple[DataSet, ...]:
        """Return the items of a sequence; none if it is absent."""
        element = self._element(keyword)
        return () if element is None else element.items

    def data(self, keyword: str) -> memoryview:
        """Return the bytes of an element; empty if it is absent."""
        element = self._element(keyword)
        return memoryview(b"") if element is None else element.value

    def text(self, keyword: str) -> str:
        """Return an element without its padding; "" if it is absent.

        Of a longer text, only MAX_TEXT_BYTES are read. Raises CorruptFile.
        """
        element = self._element(keyword)
        if element is None or not len(element.value):
            return ""
        if element.representation in _BINARY_NUMBERS:
            return " ".join(str(number) for number in self.numbers(keyword))
        value = bytes(element.value[:MAX_TEXT_BYTES])
        if _ESCAPE not in value:
            return value.decode(self.encodings[0], errors="replace").strip(_PADDING)
        with warnings.catch_warnings():
            # pydicom's warnings quote the file, so they must not reach a log.
            warnings.simplefilter("ignore")
            return decode_bytes(value, list(self.encodings), set()).strip(_PADDING)

    def integer(self, keyword: str) -> int:
        """Return the whole number of an element; 0 if it is absent. Raises CorruptFile."""
        numbers = self.numbers(keyword)
        if not numbers:
            return 0
        number = numbers[0]
        if len(numbers) > 1 or number != int(number):
            raise CorruptFile(f"{keyword} of the DICOM file is not one whole number")
        return int(number)

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the numbers of an element, at most MAX_NUMBERS; none if it is absent.

        Raises CorruptFile.
        """
        element = self._element(keyword)
        if element is None or not len(element.value):
            return ()
        representation = element.representation
        if representation in _OPAQUE:
            representation = _REPRESENTATION[ELEMENTS[keyword][0]]
        if representation not in _BINARY_NUMBERS:
            return self._decimal_strings(keyword)
        byte_order = "<" if self.little_endian else ">"
        dtype = np.dtype(byte_order + _BINARY_NUMBERS[representation])
        if len(element.value) % dtype.itemsize:
            raise CorruptFile(f"{keyword} of the DICOM file has {len(element.value)} bytes")
        numbers = np.frombuffer(element.value[: MAX_NUMBERS * dtype.itemsize], dtype).tolist()
        if not np.isfinite(numbers).all():
            raise CorruptFile(f"{keyword} of the DICOM file is not finite")
        return tuple(numbers)

    def _decimal_strings(self, keyword: str) -> tuple[float, ...]:
        """Return the numbers of a text of VR IS, separated by backslashes."""
        value = bytes(self.data(keyword)[:MAX_TEXT_BYTES]).decode("latin-1")
        numbers = []
        for text in value.strip("\0").split("\\"):
            number = whole_number(text)
            if number is None:
                raise CorruptFile(f"{keyword} of the DICOM file is not a whole number")
            numbers.append(number)
        return tuple(numbers)

    def _element(self, keyword: str) -> _Element | None:
        return self.elements.get(ELEMENTS[keyword][0])


def parse(data: bytes) -> DataSet:
    """Return the data set of a DICOM file.

    Raises CorruptFile, UnsafeFile for too many elements, UnknownFormat for a deflated data set.
    """
    start = 0
    if data[_PREAMBLE_BYTES : _PREAMBLE_BYTES + len(_MARK)] == _MARK:
        start = _PREAMBLE_BYTES + len(_MARK)
    # One byte order and one limit for the meta information, which is explicit and little-endian.
    meta_parser = _Parser(data, implicit=False, little_endian=True, left=MAX_ELEMENTS)
    meta, start = meta_parser.meta_information(start)
    syntax = meta.text("TransferSyntaxUID")
    if syntax == _DEFLATED:
        raise UnknownFormat(
            "DICOM in the deflated transfer syntax is not supported; the uncompressed ones are"
        )
    implicit, little_endian = syntax == _IMPLICIT, syntax != _BIG_ENDIAN
    if not syntax:
        implicit, little_endian = _guessed(data, start)
    parser = _Parser(data, implicit, little_endian, meta_parser.left)
    return parser.data_set(start, len(data))


def _guessed(data: bytes, start: int) -> tuple[bool, bool]:
    """Return whether a data set of unknown syntax is implicit and little-endian."""
    vr = data[start + 4 : start + 6]
    if vr not in _LONG and vr not in _SHORT:
        return True, True
    return False, int.from_bytes(data[start : start + 2], "little") < _SWAPPED_GROUP


@dataclass
class _Parser:
    """Walks through one encoding; `left` counts down the elements that are allowed."""

    data: bytes
    implicit: bool
    little_endian: bool
    left: int

    def __post_init__(self) -> None:
        self._view = memoryview(self.data)
        # Where the element is that the end of the file cuts off.
        self._cut_off_at = len(self.data)
        order = "<" if self.little_endian else ">"
        self._implicit_head = struct.Struct(order + "HHI")
        self._explicit_head = struct.Struct(order + "HH2sH")
        self._length = struct.Struct(order + "I")

    def meta_information(self, at: int) -> tuple[DataSet, int]:
        """Return the elements of group 2 at `at`, and the offset behind them."""
        elements: dict[int, _Element] = {}
        while at + _HEAD_BYTES <= len(self.data):
            tag, representation, start, length = self._head(at)
            if tag >> 16 != _META_GROUP:
                break
            if length == _UNDEFINED:
                raise _damaged()
            at = min(start + length, len(self.data))
            elements[tag] = _Element(representation, self._view[start:at])
        return DataSet(elements=elements), at

    def data_set(self, at: int, end: int) -> DataSet:
        """Return the elements from `at` to `end`."""
        self.implicit = self._is_implicit(at)
        data_set, complete_to = self._elements(at, end, DataSet(self.little_endian), 0)
        # Zeros fill the last block of a file.
        surplus = self.data[min(self._cut_off_at, complete_to) : end].strip(b"\0")
        return replace(data_set, surplus_bytes=len(surplus))

    def _elements(self, at: int, end: int, parent: DataSet, depth: int) -> tuple[DataSet, int]:
        """Return the elements up to `end` or to an item's delimiter, and the offset behind them.

        A value that the end of the file cuts off is shorter than stated.
        """
        if depth > MAX_DEPTH:
            raise UnsafeFile(f"DICOM: sequences nested deeper than {MAX_DEPTH} levels")
        elements: dict[int, _Element] = {}
        encodings = parent.encodings
        while at + _HEAD_BYTES <= end:
            tag, representation, start, length = self._head(at)
            if tag == _ITEM_END:
                at = start
                break
            context = DataSet(self.little_endian, encodings)
            if length == _UNDEFINED and representation in ("OB", "OW"):
                at = self._skip_fragments(start, end)
                continue
            if length == _UNDEFINED or tag in _SEQUENCES:
                stop = end if length == _UNDEFINED else min(start + length, end)
                items, at = self._items(start, stop, context, depth, length == _UNDEFINED)
                if tag in _SEQUENCES:
                    elements[tag] = _Element("SQ", self._view[:0], items)
                continue
            if start + length > len(self.data):
                self._cut_off_at = at
            at = min(start + length, end)
            if tag in _REPRESENTATION:
                elements[tag] = _Element(representation, self._view[start:at])
            if tag == _CHARACTER_SET:
                encodings = _python_encodings(bytes(self._view[start:at][:MAX_TEXT_BYTES]))
        return DataSet(self.little_endian, encodings, elements), at

    def _is_implicit(self, at: int) -> bool:
        """Return whether the elements from `at` on have no value representation.

        The first one shows it, whatever the transfer syntax says: the two bytes are part of a
        length otherwise, which is below 16 kB.
        """
        vr = self.data[at + 4 : at + 6]
        if len(vr) < 2:
            return self.implicit
        return not all(ord("A") <= byte <= ord("Z") for byte in vr)

    def _items(
        self, at: int, end: int, parent: DataSet, depth: int, until_delimiter: bool
    ) -> tuple[tuple[DataSet, ...], int]:
        """Return the items of a sequence, and the offset behind it."""
        items: list[DataSet] = []
        while at + _HEAD_BYTES <= end:
            tag, length, start = self._item_head(at)
            if tag == _SEQUENCE_END:
                return tuple(items), start
            if tag != _ITEM:
                raise _damaged()
            stop = end if length == _UNDEFINED else min(start + length, end)
            # An item may switch from the explicit to the implicit encoding (PS3.5 6.2.2).
            outer = self.implicit
            self.implicit = outer or self._is_implicit(start)
            item, behind = self._elements(start, stop, parent, depth + 1)
            self.implicit = outer
            at = behind if length == _UNDEFINED else stop
            items.append(item)
        # The head of another item is cut off, or its delimiter is missing.
        if at < end or until_delimiter:
            raise _damaged()
        return tuple(items), end

    def _skip_fragments(self, at: int, end: int) -> int:
        """Return the offset behind a value of undefined length that is no sequence (PS3.5 A.4)."""
        while at + _HEAD_BYTES <= end:
            tag, length, at = self._item_head(at)
            if tag == _SEQUENCE_END:
                return at
            if tag != _ITEM or length == _UNDEFINED:
                raise _damaged()
            at += length
        return end

    def _head(self, at: int) -> tuple[int, str, int, int]:
        """Return tag, representation ("" if unknown), start and length of the element at `at`."""
        self._count()
        vr = self.data[at + 4 : at + 6]
        is_long = vr in _LONG
        # Some writers switch to the implicit encoding among the elements.
        is_explicit = not self.implicit and b"AA" <= vr <= b"ZZ"
        if not is_explicit:
            group, number, length = self._implicit_head.unpack_from(self.data, at)
            tag = group << 16 | number
            return tag, _REPRESENTATION.get(tag, ""), at + _HEAD_BYTES, length
        group, number, _, length = self._explicit_head.unpack_from(self.data, at)
        start = at + _HEAD_BYTES
        if is_long:
            if start + 4 > len(self.data):
                raise _damaged()
            (length,) = self._length.unpack_from(self.data, start)
            start += 4
        return group << 16 | number, vr.decode("latin-1"), start, length

    def _item_head(self, at: int) -> tuple[int, int, int]:
        """Return tag and length of an item or delimiter at `at`, and where its value starts."""
        self._count()
        group, number, length = self._implicit_head.unpack_from(self.data, at)
        return group << 16 | number, length, at + _HEAD_BYTES

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise UnsafeFile(f"the DICOM file has more than {MAX_ELEMENTS} elements and items")


def _python_encodings(value: bytes) -> tuple[str, ...]:
    """Return Python's names of the character sets that (0008,0005) names."""
    names = value.decode("latin-1").strip(_PADDING).split("\\")
    encodings = [python_encoding.get(name.strip(), _DEFAULT_ENCODING) for name in names]
    return tuple(encodings)


def _damaged() -> CorruptFile:
    return CorruptFile("the DICOM file is damaged")
