"""Malicious pickles by name: each is a program that leaves a value on the stack.

`command` is a shell command that creates a file, by which a test sees whether it was run.
"""

from __future__ import annotations

import pickle

from tests.model_store.torch_files import called, integer, mapping, sizes, storage, tensor, text


def attacks(command: str) -> dict[str, bytes]:
    """Return the attacks that run the command in Python's unpickler."""
    run = text(command)
    python = text(f"__import__('os').system({command!r})")
    plain = b"ccollections\nOrderedDict\n)R"
    return {
        "os.system": called("os.system", run),
        "posix.system": called("posix.system", run),
        "eval": called("builtins.eval", python),
        "exec": called("builtins.exec", python),
        "getattr of an imported module": text("builtins")
        + text("getattr")
        + b"\x93("
        + called("importlib.import_module", text("os"))
        + text("system")
        + b"tR("
        + run
        + b"tR",
        "attribute of an attribute": text("posixpath") + text("os.system") + b"\x93(" + run + b"tR",
        "INST": b"(" + run + b"iposix\nsystem\n",
        "OBJ": b"(cposix\nsystem\n" + run + b"o",
        "BUILD puts a __setstate__ and calls it": plain
        + mapping(__setstate__=b"cposix\nsystem\n")
        + b"b"
        + run
        + b"b",
        "a call by way of map": called(
            "builtins.list", called("builtins.map", b"cposix\nsystem\n", b"](" + run + b"e")
        ),
        "called twice over": called("functools.partial", b"cposix\nsystem\n", run) + b")R",
    }


def quiet_attacks(command: str) -> dict[str, bytes]:
    """Return the attacks that Python's unpickler stops, or that need torch's unpickler."""
    run = text(command)
    inner = pickle.dumps({"a": 1}, protocol=2)
    return {
        "NEWOBJ": b"csubprocess\nPopen\n(" + b"](" + text("sh") + text("-c") + run + b"et\x81",
        "NEWOBJ_EX": b"csubprocess\nPopen\n(]("
        + text("sh")
        + text("-c")
        + run
        + b"et"
        + mapping(shell=b"\x88")
        + b"\x92",
        "EXT1": b"\x82\x01",
        "EXT2": b"\x83\x01\x02",
        "EXT4": b"\x84\x01\x02\x03\x04",
        "BUILD with __class__": b"ccollections\nOrderedDict\n)R"
        + mapping(__class__=b"csubprocess\nPopen\n")
        + b"b",
        "BUILD with slots": b"cargparse\nNamespace\n)R"
        + mapping(a=run)
        + mapping(__dict__=run)
        + b"\x86b",
        "BUILD of a tensor": tensor() + mapping(__reduce__=b"cposix\nsystem\n") + b"b",
        "append to something called": called("collections.deque") + run + b"a",
        "items of a module": b"csys\nmodules\n" + text("canary_module") + run + b"s",
        "a pickle within": called(
            "torch.storage._load_from_bytes", b"U" + bytes([len(inner)]) + inner
        ),
        "a subclass of tensor": called(
            "torch._utils._rebuild_from_type_v2", b"cposix\nsystem\n", run, b")", b"N"
        ),
        "a wrapper of tensor": called(
            "torch._tensor._rebuild_from_type_v2", b"cposix\nsystem\n", run, b")", b"N"
        ),
        "torch.hub": called("torch.hub.load", text("somebody/repo"), text("model")),
        "a jit module": called("torch.jit._pickle.build_tensorlist", b"N"),
        "omegaconf": b"comegaconf.dictconfig\nDictConfig\n)\x81"
        + mapping(_content=mapping(a=run))
        + b"b",
        "argparse": b"cargparse\nNamespace\n)\x81" + mapping(encoder_layers=integer(3)) + b"b",
        "codecs": called("_codecs.encode", run, text("latin1")),
        "a storage of unknown type": tensor(held=storage(kind="posix system")),
        "a rebuilt tensor with other arguments": called("torch._utils._rebuild_tensor_v2", run),
        "a tensor's name called as OrderedDict": called("collections.OrderedDict", run),
        "a storage type called": called("torch.FloatStorage", run),
        "a call of text": text("posix.system") + b"(" + run + b"tR",
        "a call of a tensor": tensor() + b"(" + run + b"tR",
        "hooks that are code": called(
            "torch._utils._rebuild_tensor_v2",
            storage(),
            integer(0),
            sizes((2,)),
            sizes((1,)),
            b"\x89",
            b"cposix\nsystem\n",
        ),
    }
