"""Builds the bundles of the tour from programs that are on the machine."""

import json
import os
import shutil
import sys
from collections.abc import Sequence

from runjd.spec.example import minimal_config, plain_config

NOBODY = 65534
HOST_DIRECTORIES = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")

CLIENT = """\
# Fetches the page again and again, and notes when, and whether it came.
import os, sys, time, urllib.request
url, notes = sys.argv[1:]
with open(notes, "w", buffering=1) as out:
    while not os.path.exists(notes + ".enough"):
        try:
            page = urllib.request.urlopen(url, timeout=5).read()
            word = "came" if b"jail" in page else "wrong"
        except OSError as error:
            word = "failed"
        print(word, time.monotonic(), file=out)
        time.sleep(0.02)
    print("enough", time.monotonic(), file=out)
"""

SERVE = """\
# Python's HTTP server, and an end to it: the first process of a jail hears SIGTERM only if it asks for it.
import runpy, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
runpy.run_module("http.server", run_name="__main__")
"""

FETCH = """\
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode(), end="")
"""

PAGE = "<p>Hello from inside of a jail.</p>\n"


class Bundles:
    """
    Makes bundles below a directory.

    :param isolated: False for the plain runtime, which shows jails the host.
    """

    def __init__(self, directory: str, isolated: bool) -> None:
        self._directory = directory
        self._isolated = isolated
        self.busybox = shutil.which("busybox")

    def shell(self, name: str, script: str = "", terminal: bool = False) -> str:
        """Make a bundle whose only file is a static busybox; returns its path."""
        bundle = self._new(name)
        words = ["/bin/sh", *(["-c", script] if script else [])]
        if not self._isolated:
            return self._write(bundle, _plain(words, terminal=terminal, env=["PS1=jail$ "]))
        assert self.busybox, "this needs the static busybox of the package busybox-static"
        _put_busybox(self.busybox, f"{bundle}/rootfs/bin")
        config = minimal_config(words, readonly=True, terminal=terminal, hostname=name, env=["PS1=jail# "])
        return self._write(bundle, config)

    def web(self, name: str, port: int) -> str:
        """Make a bundle of Python's HTTP server, in a root of the host's directories, read-only; returns its path."""
        bundle = self._new(name)
        site = f"{bundle}/site"
        os.makedirs(f"{site}/www")
        _write_file(f"{site}/www/index.html", PAGE)
        _write_file(f"{site}/client.py", CLIENT)
        _write_file(f"{site}/fetch.py", FETCH)
        _write_file(f"{site}/serve.py", SERVE)
        python, needs = _python()
        inside = "/srv" if self._isolated else site
        words = [python, f"{inside}/serve.py", "--bind", "127.0.0.1", "--directory", f"{inside}/www", str(port)]
        if not self._isolated:
            return self._write(bundle, _plain(words))
        rootfs = f"{bundle}/rootfs"
        mounts = [_mount("/tmp", "tmpfs", "tmpfs", "mode=1777", "nosuid", "nodev")]
        os.makedirs(f"{rootfs}/tmp")
        for path in (*HOST_DIRECTORIES, *needs):
            if os.path.islink(path):
                os.symlink(os.readlink(path), rootfs + path)
            elif os.path.isdir(path):
                os.makedirs(rootfs + path, exist_ok=True)
                mounts.append(_bind(path, path))
        os.makedirs(f"{rootfs}/srv")
        mounts.append(_bind(site, "/srv"))
        config = minimal_config(words, readonly=True, hostname=name, uid=NOBODY, gid=NOBODY, mounts=mounts)
        return self._write(bundle, config)

    def fetch(self, bundle: str, url: str) -> list[str]:
        """Return a command that fetches a page, as the jail sees it."""
        python, _ = _python()
        return [python, "/srv/fetch.py" if self._isolated else f"{bundle}/site/fetch.py", url]

    def client(self, bundle: str, port: int) -> tuple[list[str], str]:
        """Return the command of a client that fetches all along, and the file it notes that in, as the jail sees it."""
        python, _ = _python()
        site, notes = ("/srv", "/tmp/notes") if self._isolated else (f"{bundle}/site", f"{bundle}/notes")
        return [python, f"{site}/client.py", f"http://127.0.0.1:{port}/", notes], notes

    def _new(self, name: str) -> str:
        bundle = os.path.join(self._directory, name)
        os.makedirs(bundle)
        for part in ("proc", "dev", "sys") if self._isolated else ():
            os.makedirs(f"{bundle}/rootfs/{part}")
        return bundle

    def _write(self, bundle: str, config: dict[str, object]) -> str:
        _write_file(f"{bundle}/config.json", json.dumps(config, indent=2) + "\n")
        return bundle


def _plain(words: list[str], terminal: bool = False, env: Sequence[str] = ()) -> dict[str, object]:
    return plain_config(words, terminal=terminal, env=env, uid=os.getuid(), gid=os.getgid())


def _bind(source: str, destination: str) -> dict[str, object]:
    return _mount(destination, "bind", source, "rbind", "ro", "nosuid", "nodev")


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, object]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _python() -> tuple[str, list[str]]:
    """Return a Python that nobody may run, and the directories that it needs besides the usual ones."""
    if os.access("/usr/bin/python3", os.X_OK):
        return "/usr/bin/python3", []
    return os.path.realpath(sys.executable), [sys.base_prefix]


def _put_busybox(program: str, directory: str) -> None:
    os.makedirs(directory)
    shutil.copy(program, directory)
    for name in ("sh", "ls", "ps", "stty", "tty", "sleep", "cat", "hostname", "id"):
        os.symlink("busybox", f"{directory}/{name}")


def _write_file(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
