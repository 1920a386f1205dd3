"""Recognises out-of-memory errors, which Python, CUDA and torch's allocator on the CPU word differently."""

_SAID = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that more memory was requested than is available."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _SAID)
