"""The table of mounts, as the kernel writes it."""

from runjd.runtime.linux.leaving import parse_mounts


def test_points_and_types_are_found() -> None:
    """Optional fields may be missing or many, and names are escaped."""
    table = (
        b"21 1 0:21 / /proc rw,relatime - proc proc rw\n"
        b"22 1 0:22 / /a\\040b\\134040c rw shared:1 master:2 - sysfs sys fs rw\n"
    )

    assert list(parse_mounts(table)) == [("/proc", "proc"), ("/a b\\040c", "sysfs")]
