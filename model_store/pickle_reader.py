"""Read what a pickle describes, without running any of it.

Python's unpickler runs what the file tells it to. This reader iterates over the opcodes that
`pickletools.genops` yields (PEP 307, PEP 3154) and keeps a stack of plain values. Three kinds of
names have a meaning: torch's `_rebuild_tensor_v2`, its storage types, and OrderedDict. Any other
name becomes an `Inert`, which is never looked up or imported; calling it, building on it or filling
it has no effect.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from errors import BadCheckpoint, UnsafeCheckpoint

# ECG-FM with optimizer state has some 30,000 opcodes; each opcode makes one object at most.
MAX_OPCODES = 2_000_000
MAX_NAME = 200  # characters kept of a name
MAX_NAMES = 1000  # names of code that are listed
MAX_KEY = 1000  # characters of a dict's key; a longer one would cost time in every comparison
MAX_BITS = 63  # of an integer that counts something

REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"
ORDERED_DICT = "collections.OrderedDict"
STORAGE_TYPES = {
    "torch.FloatStorage": "float32",
    "torch.DoubleStorage": "float64",
    "torch.HalfStorage": "float16",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "int64",
    "torch.IntStorage": "int32",
    "torch.ShortStorage": "int16",
    "torch.CharStorage": "int8",
    "torch.ByteStorage": "uint8",
    "torch.BoolStorage": "bool",
}


@dataclass(frozen=True, eq=False)
class Inert:
    """Replaces code that the file names or calls. It has the code's name and does nothing."""

    name: str


@dataclass(frozen=True, eq=False)
class _KnownName:
    """One of the names that have a meaning here."""

    name: str


@dataclass(frozen=True, eq=False)
class Storage:
    """A storage of tensors: the key of its archive entry, element type and stated size."""

    key: str
    dtype: str
    count: int


@dataclass(frozen=True, eq=False)
class TensorClaim:
    """The pickle's description of a tensor, unchecked. Offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Mark:
    pass


_MARK = _Mark()


class PickleReader:
    """Reads one pickle. `inert` collects the names that were not run, in order.

    Dicts keep only keys that are strings, integers of at most 63 bits or None. Hashing a deep
    tuple, or comparing a long string a million times, would let the file decide how long reading
    takes.
    """

    def __init__(self) -> None:
        self.inert: dict[str, None] = {}
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def read(self, pickle: bytes | bytearray) -> Any:
        """Return the value at STOP.

        Raises BadCheckpoint if the pickle is damaged, UnsafeCheckpoint if it exceeds a limit.
        """
        try:
            with warnings.catch_warnings():
                # pickletools warns of stray backslashes in names.
                warnings.simplefilter("ignore", DeprecationWarning)
                return self._run(pickle)
        # These are what genops and its struct, codec and number parsing raise for damaged bytes.
        except (ValueError, IndexError, OverflowError, EOFError, KeyError) as error:
            raise BadCheckpoint(f"the pickle is damaged ({type(error).__name__})") from error

    def _run(self, pickle: bytes | bytearray) -> Any:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
            if number >= MAX_OPCODES:
                raise UnsafeCheckpoint(f"the pickle has more than {MAX_OPCODES} opcodes")
            if opcode.name == "STOP":
                return self._pop()
            self._step(opcode.name, argument)
        raise BadCheckpoint("the pickle has no end")

    def _step(self, name: str, argument: Any) -> None:
        action = _ACTIONS.get(name)
        if action is not None:
            action(self, argument)
        elif name in _ARGUMENT_IS_VALUE:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif name not in ("PROTO", "FRAME"):
            raise UnsafeCheckpoint(f"pickle opcode {name} is not used in a torch checkpoint")

    # Stack

    def _pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise BadCheckpoint("the pickle takes more from its stack than it put there")
        return self._stack.pop()

    def _top(self) -> Any:
        value = self._pop()
        self._stack.append(value)
        return value

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack:
            value = self._stack.pop()
            if value is _MARK:
                items.reverse()
                return items
            items.append(value)
        raise BadCheckpoint("the pickle has no mark where one is required")

    def _tuple(self, length: int) -> None:
        items = [self._pop() for _ in range(length)]
        self._stack.append(tuple(reversed(items)))

    # Memo

    def _put(self, index: int) -> None:
        self._memo[index] = self._top()

    def _get(self, index: int) -> None:
        if index not in self._memo:
            raise BadCheckpoint(f"the pickle reads memo {index}, which it never wrote")
        self._stack.append(self._memo[index])

    # Containers. Only plain ones are filled.

    def _append(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Inert):
            raise BadCheckpoint(f"the pickle appends to a {type(target).__name__}")

    def _set_item(self) -> None:
        value = self._pop()
        key = self._pop()
        self._set_items([key, value])

    def _set_items(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, dict):
            target.update(_plain_items(items))
        elif not isinstance(target, Inert):
            raise BadCheckpoint(f"the pickle sets items of a {type(target).__name__}")

    # Names and calls

    def _name(self, module: Any, attribute: Any) -> Inert | _KnownName:
        if not isinstance(module, str) or not isinstance(attribute, str):
            raise BadCheckpoint("the pickle names code by something that is not a string")
        name = f"{module}.{attribute}"
        if name in (REBUILD_TENSOR, ORDERED_DICT) or name in STORAGE_TYPES:
            return _KnownName(name)
        return self._make_inert(name)

    def _make_inert(self, name: str) -> Inert:
        name = name[:MAX_NAME]
        if len(self.inert) < MAX_NAMES:
            self.inert[name] = None
        return Inert(name)

    def _global(self, argument: str) -> None:
        self._stack.append(self._name(*argument.split(" ", 1)))

    def _stack_global(self) -> None:
        attribute = self._pop()
        module = self._pop()
        self._stack.append(self._name(module, attribute))

    def _extension(self, code: int) -> None:
        self._stack.append(self._make_inert(f"copyreg extension {code}"))

    def _call(self, function: Any, arguments: Any) -> None:
        """Push the result of a call: a tensor's description, an empty dict, or an Inert."""
        self._stack.append(self._result(function, arguments))

    def _result(self, function: Any, arguments: Any) -> Any:
        if isinstance(function, _KnownName) and isinstance(arguments, tuple):
            if function.name == REBUILD_TENSOR:
                claim = _tensor_claim(arguments)
                return claim or self._make_inert(f"{REBUILD_TENSOR} with other arguments")
            if function.name == ORDERED_DICT and not arguments:
                return {}
        name = type(function).__name__
        if isinstance(function, Inert | _KnownName):
            name = function.name
        return Inert(f"{name}(...)"[:MAX_NAME])

    def _reduce(self) -> None:
        arguments = self._pop()
        function = self._pop()
        self._call(function, arguments)

    def _new_with_keywords(self) -> None:
        keywords = self._pop()
        arguments = self._pop()
        cls = self._pop()
        self._call(cls, None if keywords else arguments)

    def _instance(self, argument: str) -> None:
        module, _, attribute = argument.partition(" ")
        self._pop_to_mark()
        self._call(self._name(module, attribute), None)

    def _object(self) -> None:
        items = self._pop_to_mark()
        self._call(items[0] if items else None, None)

    def _storage(self) -> None:
        """BINPERSID: accept only torch's ("storage", type, key, device, count)."""
        match self._pop():
            case ("storage", _KnownName(name), str(key), str(), int(count)) if (
                name in STORAGE_TYPES and count.bit_length() <= MAX_BITS
            ):
                self._stack.append(Storage(key, STORAGE_TYPES[name], count))
            case ("storage", Inert() as unknown_type, str(), str(), int()):
                # No tensor can be made of a storage of an unknown type.
                self._stack.append(unknown_type)
            case _:
                raise BadCheckpoint(
                    "the pickle refers to an external object that is not a torch storage"
                )


def _tensor_claim(arguments: tuple[Any, ...]) -> TensorClaim | None:
    """Return the claim in the arguments of _rebuild_tensor_v2, None if they are others.

    The arguments are (storage, offset, size, stride, requires_grad, hooks[, metadata]).
    """
    if len(arguments) not in (6, 7):
        return None
    storage, offset, shape, strides = arguments[:4]
    if not isinstance(storage, Storage):
        return None
    if not all(_are_sizes(sizes) for sizes in ((offset,), shape, strides)):
        return None
    return TensorClaim(storage, offset, shape, strides)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        type(size) is int and size.bit_length() <= MAX_BITS for size in value
    )


def _plain_items(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise BadCheckpoint("the pickle sets a key without a value")
    pairs = zip(items[::2], items[1::2], strict=True)
    return {key: value for key, value in pairs if _is_plain_key(key)}


def _is_plain_key(key: Any) -> bool:
    if isinstance(key, str):
        return len(key) <= MAX_KEY
    return key is None or (isinstance(key, int) and key.bit_length() <= MAX_BITS)


_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    # Sets hash their items; no value that is needed is a set, so lists replace them.
    "EMPTY_SET": list,
}

_INTEGERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
_FLOATS = {"FLOAT", "BINFLOAT"}
_BYTES = {
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
    "BYTEARRAY8",
}
_STRINGS = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_ARGUMENT_IS_VALUE = _INTEGERS | _FLOATS | _BYTES | _STRINGS

# Opcode -> what it does to the reader `r`.
_ACTIONS: dict[str, Callable[[PickleReader, Any], Any]] = {
    "MARK": lambda r, _: r._stack.append(_MARK),
    "POP": lambda r, _: r._stack.pop(),
    "POP_MARK": lambda r, _: r._pop_to_mark(),
    "DUP": lambda r, _: r._stack.append(r._top()),
    "PUT": lambda r, index: r._put(index),
    "BINPUT": lambda r, index: r._put(index),
    "LONG_BINPUT": lambda r, index: r._put(index),
    "MEMOIZE": lambda r, _: r._put(len(r._memo)),
    "GET": lambda r, index: r._get(index),
    "BINGET": lambda r, index: r._get(index),
    "LONG_BINGET": lambda r, index: r._get(index),
    "TUPLE": lambda r, _: r._stack.append(tuple(r._pop_to_mark())),
    "TUPLE1": lambda r, _: r._tuple(1),
    "TUPLE2": lambda r, _: r._tuple(2),
    "TUPLE3": lambda r, _: r._tuple(3),
    "LIST": lambda r, _: r._stack.append(r._pop_to_mark()),
    "FROZENSET": lambda r, _: r._stack.append(r._pop_to_mark()),
    "DICT": lambda r, _: r._stack.append(_plain_items(r._pop_to_mark())),
    "APPEND": lambda r, _: r._append([r._pop()]),
    "APPENDS": lambda r, _: r._append(r._pop_to_mark()),
    "ADDITEMS": lambda r, _: r._append(r._pop_to_mark()),
    "SETITEM": lambda r, _: r._set_item(),
    "SETITEMS": lambda r, _: r._set_items(r._pop_to_mark()),
    "GLOBAL": lambda r, argument: r._global(argument),
    "STACK_GLOBAL": lambda r, _: r._stack_global(),
    "EXT1": lambda r, code: r._extension(code),
    "EXT2": lambda r, code: r._extension(code),
    "EXT4": lambda r, code: r._extension(code),
    "REDUCE": lambda r, _: r._reduce(),
    "NEWOBJ": lambda r, _: r._reduce(),
    "NEWOBJ_EX": lambda r, _: r._new_with_keywords(),
    "INST": lambda r, argument: r._instance(argument),
    "OBJ": lambda r, _: r._object(),
    # The state is dropped.
    "BUILD": lambda r, _: r._pop(),
    "BINPERSID": lambda r, _: r._storage(),
}
