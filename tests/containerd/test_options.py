"""What containerd's clients ask of the runtime: in runc's words, in TOML, and in a file."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from google.protobuf.any_pb2 import Any
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.options import Options, read_file, read_options
from runjd.errors import BadArgument

RUNC = "containerd.runc.v1.Options"
OTHERS = "runtimeoptions.v1.Options"
#: as containerd 1.6 sends them for SystemdCgroup = true beside BinaryName = "x"
RUNC_BYTES = bytes.fromhex("3201784801")


@pytest.mark.parametrize("prefix", ["", "types.containerd.io/"])
def test_options_of_runc_are_read(prefix: str) -> None:
    """One of them is ours; the others say nothing to us."""
    assert read_options(Any(type_url=prefix + RUNC, value=RUNC_BYTES)) == Options(True)
    assert read_options(Any(type_url=prefix + RUNC, value=RUNC_BYTES[:3])) == Options(False)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SystemdCgroup = true\n", True),
        ("systemdcgroup = true", True),
        ("SystemdCgroup = false", False),
        ('BinaryName = "x"\n', False),
        ("", False),
        ("[SystemdCgroup]\n[else]\nSystemdCgroup = true", None),
    ],
)
def test_a_section_of_the_configuration_is_read(text: str, wanted: bool | None) -> None:
    """As containerd 1.7 and later pass it on: TOML."""
    options = Any(type_url=OTHERS, value=b"\x1a" + bytes([len(text)]) + text.encode())
    if wanted is None:
        with pytest.raises(BadArgument, match="the options of the runtime: SystemdCgroup is neither true nor false"):
            read_options(options)
    else:
        assert read_options(options) == Options(wanted)


def test_a_file_is_only_named() -> None:
    """Whoever may wait reads it."""
    value = b"\x0a\x01t\x12\x02/f"

    assert read_options(Any(type_url=OTHERS, value=value)) == Options(False, "/f")
    assert read_options(Any(type_url="cri." + OTHERS, value=value)) == Options(False, "/f")


def test_unknown_options_say_nothing() -> None:
    """Those of other runtimes, and none at all."""
    assert read_options(Any()) == Options()
    assert read_options(Any(type_url="a.b.Options", value=b"\xff")) == Options()


@given(st.sampled_from([RUNC, OTHERS]), st.binary(max_size=40))
def test_odd_options_are_refused_or_read(kind: str, value: bytes) -> None:
    """Nothing else happens."""
    with contextlib.suppress(BadArgument):
        assert isinstance(read_options(Any(type_url=kind, value=value)), Options)


def test_a_file_is_read(private_dir: str) -> None:
    """It has the same words."""
    file = Path(private_dir, "options.toml")
    file.write_text("SystemdCgroup = true\n")

    assert read_file(str(file))


def test_a_file_that_cannot_be_read_is_told(private_dir: str) -> None:
    """By its name, and by what is wrong with it; a FIFO keeps nobody waiting."""
    bad, large, fifo = f"{private_dir}/bad", f"{private_dir}/large", f"{private_dir}/fifo"
    Path(bad).write_bytes(b"SystemdCgroup = \xff")
    Path(large).write_bytes(b"\n" * (1 << 20) + b"SystemdCgroup = true\n")
    os.mkfifo(fifo)

    for path, reason in (
        ("options.toml", 'name the file "options.toml"; expected an absolute path'),
        (f"{private_dir}/none", "none, which the options of the runtime name: no such file or directory"),
        ("/x\0y", "y', which the options of the runtime name, is no path of a file"),
        (large, "large, which the options of the runtime name, is larger than 1048576 bytes"),
        (bad, "bad cannot be read as TOML: "),
        (fifo, "fifo, which the options of the runtime name, is not a regular file"),
    ):
        with pytest.raises(BadArgument, match=reason):
            read_file(path)
