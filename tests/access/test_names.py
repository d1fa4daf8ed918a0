"""Whom a certificate names."""

from __future__ import annotations

import pytest

from runjd.access.names import is_name, names_of


def test_whom_a_certificate_names() -> None:
    """Mail addresses, names of hosts, URIs: by its subject alternative name, never by its subject."""
    names = (("DNS", "web.example.org"), ("IP Address", "192.0.2.1"), ("URI", "urn:x"), ("email", "alice@example.org"))

    assert names_of({"subjectAltName": names}) == ["alice@example.org", "web.example.org", "urn:x"]
    assert names_of({"subject": ((("commonName", "alice"),),)}) == []
    assert names_of({}) == []


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\0b", "a*", "a?", "[a]", 'a"b', "ä", "a" * 254, "a\\b"])
def test_names_that_could_be_mistaken_count_for_nothing(name: str) -> None:
    """In a line of a log, or for a pattern of a rule."""
    assert not is_name(name)
    assert set(names_of({"subjectAltName": (("DNS", name), ("DNS", "alice"))})) <= {"alice"}


def test_a_name_of_other_letters_spoils_all() -> None:
    """Its authority signs what makes no sense."""
    assert names_of({"subjectAltName": (("DNS", "alice"), ("email", "älice@example.org"))}) == []
