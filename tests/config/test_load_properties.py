"""Whatever stands in a file, it is a configuration or it is told what is wrong, and where."""

import json
import os
import tempfile

from hypothesis import given
from hypothesis import strategies as st

from runjd.config.daemonkeys import DAEMON
from runjd.config.difference import Difference, difference
from runjd.config.faults import ConfigError
from runjd.config.jailkeys import JAIL
from runjd.config.load import load
from runjd.config.sections import names_of
from runjd.config.shortform import config_of
from runjd.config.writing import written
from runjd.errors import RunjdError
from runjd.spec.parse import parse_config

NAMES = sorted({part for name in names_of((*JAIL, *DAEMON)) for part in name.split(".")})
WORDS = st.sampled_from(
    [
        "always",
        "on-failure:3",
        "1m30s",
        "10MiB",
        "TERM",
        "notify",
        "log",
        "probe",
        "http://h:1/x",
        "h:5432",
        "/a",
        "x",
        "/a:/b:ro",
        "tmpfs:/t",
        "10.0.0.1",
        "fd00::1",
        "80:80",
        "host",
        "never",
        "restart",
        "json",
        "unix:/x",
        "",
        "\x00",
    ]
)
SCALARS = WORDS | st.text(max_size=5) | st.integers() | st.floats(allow_nan=False) | st.booleans()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner),
    max_leaves=8,
)
JAILS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["daemon", "defaults", "jail", "x"]),
    JAILS | st.dictionaries(st.sampled_from(["a", "b", "../x"]), JAILS | SCALARS, max_size=3) | SCALARS,
)


def read(document, platform):
    """Return the configuration of a document, or what is wrong with it."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "runjd.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#\n" + "".join(f"{written(name)} = {written(value)}\n" for name, value in document.items()))
        try:
            return load(path, ("linux", "plain"), platform)
        except ConfigError as error:
            return error


@given(DOCUMENTS, st.sampled_from(["linux", "freebsd14"]))
def test_nothing_in_a_file_breaks_the_reading(document, platform):
    """Each fault has a line, and people can read it; what is right can be compared."""
    try:
        found = read(document, platform)
    except UnicodeEncodeError:
        return  # what the test cannot write
    if isinstance(found, ConfigError):
        assert all(fault.line > 1 for fault in found.faults)
        assert all(str(fault).isprintable() for fault in found.faults)
    else:
        assert difference(found, found) == Difference(unchanged=len(found.jails))


@given(JAILS, st.sampled_from(["linux", "freebsd", "plain"]))
def test_a_bundle_that_is_made_is_valid(keys, runtime):
    """Whatever was accepted for a jail without a bundle."""
    keys = {name: value for name, value in keys.items() if name != "bundle"} | {"root": "/r", "command": ["/c"]}
    found = read({"jail": {"web": keys}}, "freebsd14" if runtime == "freebsd" else "linux")
    if isinstance(found, RunjdError):
        return
    (jail,) = found.jails
    config = parse_config(json.dumps(config_of("web", jail.short, runtime)).encode(), "config.json")

    assert config.process.args == ("/c",)
