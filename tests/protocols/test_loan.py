"""A reading end that another thread reads."""

import os
import threading

import pytest

from runjd.protocols.loan import Loan


@pytest.fixture
def pipe():
    """Return both ends; the reading end does not block."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def test_what_is_there_is_taken(pipe):
    """One read, and what is made of it; None where nothing comes."""
    reading, writing = pipe
    loan = Loan(reading, 100)
    os.write(writing, b"data")

    assert loan.take(len) == 4
    assert loan.take(len) is None


def test_nothing_is_read_once_it_is_taken_back(pipe):
    """What is left belongs to the lender."""
    reading, writing = pipe
    loan = Loan(reading, 100)
    os.write(writing, b"data")

    loan.take_back()

    assert loan.take(len) is None
    assert os.read(reading, 100) == b"data"


def test_what_was_read_is_made_before_it_is_taken_back(pipe):
    """The lender finds the state that belongs to what is left to be read."""
    reading, writing = pipe
    loan = Loan(reading, 4)
    os.write(writing, b"datamore")
    began, goes_on = threading.Event(), threading.Event()
    made: list = []

    def make(data: bytes) -> bool:
        began.set()
        goes_on.wait(5)
        made.append(data)
        return True

    reader = threading.Thread(target=loan.take, args=(make,))
    lender = threading.Thread(target=lambda: (loan.take_back(), made.append(b"back")))
    reader.start()
    began.wait(5)
    lender.start()
    goes_on.set()
    reader.join()
    lender.join()

    assert made == [b"data", b"back"]
