"""A busctl(1) of ours, for hosts without systemd: it knows one scope, and makes its group in one hierarchy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_PLACES = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
#: StartTransientUnit, StopUnit, and the properties Description and State
_PROGRAM = """#!/bin/sh
PATH={path}
here={here}; group={group}
shift 4
echo "$*" >>$here/asked
for word; do before=$last; last=$word; done
case $1,$5 in
call,StartTransientUnit)
    [ ! -e $here/unit ] || {{ echo "Call failed: Unit $7 was already loaded or has a fragment file." >&2; exit 1; }}
    [ ! -e $here/refuses ] || {{ echo "Call failed: Unit is masked." >&2; exit 1; }}
    echo "${{12}}" >$here/unit
    mkdir -p $group
    echo $before >$group/cgroup.procs
    echo 'o "/org/freedesktop/systemd1/job/1"' ;;
call,StopUnit)
    rmdir $group
    rm $here/unit
    echo 'o "/org/freedesktop/systemd1/job/2"' ;;
get-property,Description)
    echo "s \\"$(cat $here/unit 2>/dev/null)\\"" ;;
*) exit 1 ;;
esac
"""


def program(path: str, here: str, group: str) -> str:
    """
    Return its text.

    :param path: where it finds programs.
    :param here: a directory for its files: ``asked``, of what it was asked, and ``unit``.
    :param group: of the scope.
    """
    return _PROGRAM.format(path=path, here=here, group=group)


class SmallBusctl:
    """
    The program, found by whoever is started from now on.

    :param name: of the slice, without its end; no other test's.
    :ivar path: ``linux.cgroupsPath`` of the scope.
    :ivar group: of the scope.
    :ivar below: path of the group of the container, as the kernel tells it.
    """

    def __init__(self, directory: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        mounts = [each for each in _PLACES if (each / "cgroup.procs").exists()]
        if not mounts:
            pytest.skip("this host has no control groups of version 2")
        self._name = name
        self._directory = Path(directory)
        self.unit = "t-web.scope"
        self.path = f"{name}.slice:t:web"
        self.below = f"/{name}.slice/{self.unit}/container"
        self.group = mounts[0] / f"{name}.slice" / self.unit
        self.program = self._directory / "programs" / "busctl"
        self.program.parent.mkdir()
        self.program.write_text(program(os.environ["PATH"], directory, str(self.group)))
        self.program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{self.program.parent}:{os.environ['PATH']}")

    def refuse(self) -> None:
        """Start nothing from now on."""
        (self._directory / "refuses").touch()

    def asked(self) -> list[str]:
        """Return the lines of what it was asked."""
        file = self._directory / "asked"
        return file.read_text().splitlines() if file.exists() else []

    def methods(self) -> list[str]:
        """Return names of methods and properties it was asked for."""
        return [line.split()[4] for line in self.asked()]

    def left(self) -> list[str]:
        """Return the groups that are there."""
        return [root for root, _, _ in os.walk("/sys/fs/cgroup") if self._name in root]

    def end(self) -> None:
        """See that nothing is left but the slice, and remove that."""
        slice = self.group.parent
        assert self.left() in ([], [str(slice)])
        if slice.exists():
            slice.rmdir()
