"""A disk that refuses all that is written behind some length."""

import resource
from contextlib import contextmanager


@contextmanager
def longest(size: int):
    """Let no file be longer: a write at that length is refused, and none of it is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
