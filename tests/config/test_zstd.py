"""zstd, which a machine has or not."""

import subprocess
import sys

from runjd.config.zstd import MISSING
from tests.config.written import jail_of, write

_WITHOUT = """
import sys
sys.modules["zstandard"] = sys.modules["compression.zstd"] = None
from runjd.config.load import load
from runjd.errors import RunjdError
try:
    load(sys.argv[1])
except RunjdError as error:
    print(error)
"""


def test_where_the_module_is_there_zstd_is_taken(tmp_path):
    """A log may be compressed by it."""
    text = '[jail.web]\nbundle = "/b"\nlog.compress = "zstd"\n'

    assert jail_of(tmp_path, text).settings.log.compress == "zstd"


def test_a_log_that_cannot_be_compressed_is_an_error_of_the_configuration(tmp_path):
    """It says what to install, before any line is written."""
    write(tmp_path, '[jail.web]\nbundle = "/b"\nlog.compress = "zstd"\n')

    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(tmp_path / "runjd.toml")], capture_output=True, text=True, check=True
    )

    assert MISSING in said.stdout
