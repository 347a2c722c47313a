"""Put on a test server's PYTHONPATH: an encoder, a reader of files, and a signal stage with faults.

With FAULTY_MAX_SEGMENTS the device has no memory for more segments at once.

Python imports a module of this name at its start. The product has no switch for any of this.
"""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
import time

RAISES, HANGS, ENDS = 9, 10, 11  # V4, V5, V6: flat in the recording, so all zeros in its segments
MAX_SEGMENTS = "FAULTY_MAX_SEGMENTS"


class _Patching(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name not in _PATCHES:
            return None
        patch = _PATCHES.pop(name)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            patch(module)

        spec.loader.exec_module = exec_module
        return spec


def _patch_encoder(module):
    run = module.EncoderRunner.run

    def faulty(self, segments, **options):
        flat = {
            lead
            for lead in (RAISES, HANGS, ENDS)
            if (segments[:, lead] == 0).all(axis=1).any() and segments.any()
        }
        if ENDS in flat:
            os._exit(7)
        if HANGS in flat:
            time.sleep(3600)
        if RAISES in flat:
            raise ValueError("a fault in the encoder")
        return run(self, segments, **options)

    module.EncoderRunner.run = faulty
    if MAX_SEGMENTS in os.environ:
        _limit_memory(module, int(os.environ[MAX_SEGMENTS]))


def _limit_memory(module, max_segments):
    submit = module._PlainForward.submit

    def limited(self, piece, wanted):
        if len(piece) > max_segments:
            raise module.torch.cuda.OutOfMemoryError("CUDA out of memory")
        return submit(self, piece, wanted)

    module._PlainForward.submit = limited


def _burn_cpu():
    while True:
        pass


_FAULTS = {
    "HANGS": lambda: time.sleep(3600),
    "BURNS": _burn_cpu,
    "CRASHES": lambda: os.kill(os.getpid(), signal.SIGSEGV),
}


def _patch_reader(module):
    read = module.read

    def faulty(parts, hints, max_bytes):
        _FAULTS.get(parts[0].data[:10].decode("latin-1"), lambda: None)()
        return read(parts, hints, max_bytes)

    module.read = faulty


def _patch_prepare(module):
    prepare = module.prepare

    def faulty(record, *args, **options):
        _FAULTS.get(record.id, lambda: None)()
        return prepare(record, *args, **options)

    module.prepare = faulty


_PATCHES = {
    "encoder.runner": _patch_encoder,
    "formats.registry": _patch_reader,
    "analysis.prepare": _patch_prepare,
}
sys.meta_path.insert(0, _Patching())
