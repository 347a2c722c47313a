"""Arrays that processes share: spawned and forked ones see each other's writes."""

from __future__ import annotations

import ctypes
import gc
import multiprocessing
import pickle
import resource
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from typing import Any

import pytest

from server.ipc.shared_memory import ALIGNED_BYTES, BLOCK_BYTES, SharedMemory

LARGE = BLOCK_BYTES // 8 + 1  # cells of 8 bytes: more than a block holds


def _arrays(memory: SharedMemory) -> dict[str, Any]:
    return {
        "counts": memory.array(ctypes.c_int64, 5),
        "seconds": memory.array(ctypes.c_double, 3),
        "text": memory.array(ctypes.c_char, 100),
        "large": memory.array(ctypes.c_int64, LARGE),
        "value": memory.value(ctypes.c_int64),
    }


def _write(arrays: dict[str, Any]) -> None:
    arrays["counts"][4] = 7
    arrays["seconds"][:] = [0.5, 1.5, 2.5]
    arrays["text"].value = "µ".encode()
    arrays["large"][LARGE - 1] = -1
    arrays["value"].value = 2**62


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_another_process_shares_the_arrays(method: str) -> None:
    arrays = _arrays(SharedMemory())
    assert arrays["counts"][:] == [0] * 5
    child = multiprocessing.get_context(method).Process(target=_write, args=(arrays,))  # type: ignore[attr-defined]
    child.start()
    child.join()
    assert child.exitcode == 0
    assert arrays["counts"][:] == [0, 0, 0, 0, 7]
    assert arrays["seconds"][:] == [0.5, 1.5, 2.5]
    assert arrays["text"].value == "µ".encode()
    assert arrays["large"][LARGE - 1] == -1
    assert arrays["large"][LARGE - 2] == 0
    assert arrays["value"].value == 2**62


def test_arrays_start_in_cache_lines_of_their_own() -> None:
    addresses = [ctypes.addressof(array) for array in _arrays(SharedMemory()).values()]
    assert all(address % ALIGNED_BYTES == 0 for address in addresses)
    assert len(set(addresses)) == len(addresses)


def test_an_array_is_not_pickled_into_a_message() -> None:
    """It would arrive as a copy, or start a thread that hands out descriptors."""
    with pytest.raises(RuntimeError, match="through inheritance"):
        pickle.dumps(SharedMemory().array(ctypes.c_int64, 5))


def _files_of_memory() -> list[str]:
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(str(descriptor.readlink()))
        except OSError:  # the descriptor of the iteration itself
            continue
    return [link for link in links if "memfd:ecg-shared" in link]


def test_small_arrays_share_a_descriptor_and_the_last_one_closes_it() -> None:
    gc.collect()
    before = len(_files_of_memory())
    memory = SharedMemory()
    arrays = [memory.array(ctypes.c_int64, 10) for _ in range(20)]
    assert 1 <= len(_files_of_memory()) - before <= 2  # mmap holds a duplicate
    del memory
    arrays[19][9] = 1
    del arrays
    gc.collect()  # each array's type refers to itself
    assert len(_files_of_memory()) == before


def _allocate_under_a_limit(outcome: SynchronizedArray[Any]) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (BLOCK_BYTES, BLOCK_BYTES))
    try:
        SharedMemory().array(ctypes.c_int64, LARGE)
    except OSError:
        outcome[0] = 1


def test_no_memory_is_an_error_where_the_array_is_made() -> None:
    context = multiprocessing.get_context("spawn")
    outcome: Any = context.Array(ctypes.c_int, 1)
    child = context.Process(target=_allocate_under_a_limit, args=(outcome,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert outcome[0] == 1
