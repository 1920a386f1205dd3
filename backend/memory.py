"""Memory of this process: keeping what was freed, and what running out looks like.

Python, CUDA and torch's allocator on the CPU each say in their own way that there is no more.
"""

import contextlib
import ctypes

_SAID = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


def keep_freed_memory() -> None:
    """Lets glibc keep large blocks that are freed, for the next update needs them again.

    Otherwise every feature map is new memory, which the kernel fills with zeros page by page: a fifth of an update's
    time. The peak stays what it was; what was the peak stays taken. Does nothing with another C library.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, 2**31 - 1)
        mallopt(_TRIM_THRESHOLD, -1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that memory was asked for which is not there."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
