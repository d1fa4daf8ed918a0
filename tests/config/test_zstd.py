"""zstd, which a machine has or not."""

from runjd.config.zstd import MISSING, zstd
from tests.config.written import faults_of, jail_of, write


def test_a_log_that_cannot_be_compressed_is_an_error_of_the_configuration(tmp_path):
    """It says what to install, before any line is written."""
    text = '[jail.web]\nbundle = "/b"\nlog.compress = "zstd"\n'
    try:
        zstd()
    except ImportError:
        assert any(MISSING in fault for fault in faults_of(write(tmp_path, text)))
    else:
        assert jail_of(tmp_path, text).settings.log.compress == "zstd"
