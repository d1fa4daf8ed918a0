"""A site of three tiers of packages of the distribution, all in jails: PostgreSQL, an application in Python, nginx."""

from __future__ import annotations

import glob
import json
import os
import pwd
import shutil
import socket
import subprocess
import urllib.request

from tests.functional.daemon import Daemon

_BIN = next(iter(sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)), "")
_PYTHON = "/usr/bin/python3"
#: what has to be installed
NEEDED = (f"{_BIN}/initdb", f"{_BIN}/postgres", "/usr/sbin/nginx", _PYTHON)

#: counts visits in the database; that it lives does not depend on that
_APP = """
import signal, subprocess, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

database, port = sys.argv[1:]
signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # the first process of a jail ignores it else

def sql(text):
    words = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", database, "-U", "postgres", "-At", "-c", text]
    return subprocess.run(words, capture_output=True, text=True, timeout=5)

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, "alive"
        if self.path != "/health":
            done = sql("update visits set n = n + 1 returning n")
            status, body = (200, done.stdout) if done.returncode == 0 else (503, done.stderr)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *words):
        pass

made = sql("create table if not exists visits (n int); insert into visits select 0 where not exists (table visits)")
if made.returncode != 0:
    sys.exit(made.stderr)
server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
print("serving on", port, flush=True)
server.serve_forever()
"""

_NGINX = """
daemon off;
pid /tmp/nginx.pid;
error_log stderr;
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server {{
        listen 127.0.0.1:{web};
        location = /alive {{ return 204; }}
        location / {{ proxy_pass http://127.0.0.1:{app}; }}
    }}
}}
"""

_CONFIG = """
[defaults]
read-only = true
network = "host"
environment = {{ PATH = "/usr/bin:/bin" }}
restart = "always"
backoff = {{ first = "200ms", cap = "1s" }}
autostart = false

[jail.db]
root = "{root}"
command = ["{bin}/postgres", "-D", "/data", "-p", "{db}", "-c", "listen_addresses=127.0.0.1",
    "-c", "unix_socket_directories=/tmp", "-c", "fsync=off"]
user = "{uid}:{gid}"
mounts = ["/usr:/usr:ro", "tmpfs:/tmp:mode=1777", "{data}:/data"]
ready = "notify"
health = {{ probe = {{ exec = ["{bin}/pg_isready", "-h", "127.0.0.1", "-p", "{db}"] }}, interval = "1s" }}
stop = {{ signal = "INT" }}

[jail.app]
root = "{root}"
command = ["{python}", "/srv/app.py", "{db}", "{app}"]
user = "65534:65534"
mounts = ["/usr:/usr:ro", "tmpfs:/tmp:mode=1777", "{files}:/srv:ro"]
requires = ["db"]
ready = {{ when = "log", pattern = "^serving on [0-9]+$" }}
health = {{ probe = {{ http = "http://127.0.0.1:{app}/health" }}, interval = "1s", action = "restart" }}

[jail.web]
root = "{root}"
command = ["/usr/sbin/nginx", "-e", "stderr", "-c", "/srv/nginx.conf"]
user = "65534:65534"
mounts = ["/usr:/usr:ro", "tmpfs:/tmp:mode=1777", "{files}:/srv:ro"]
requires = ["app"]
ready = {{ when = "probe", probe = {{ http = "http://127.0.0.1:{web}/alive" }}, interval = "200ms" }}
health = {{ probe = {{ tcp = {web} }}, interval = "1s" }}
"""


class Site(Daemon):
    """The site, configured, with nothing started yet."""

    def __init__(self) -> None:
        super().__init__(runtime="linux")
        self.ports = dict(zip(("db", "app", "web"), _free_ports(3), strict=True))
        user = pwd.getpwnam("postgres")
        os.chmod(self.directory, 0o755)  # the users of the jails are others than ours
        root, data, files = (os.path.join(self.directory, name) for name in ("root", "data", "files"))
        self._make_root(root)
        os.mkdir(data, 0o700)
        os.chown(data, user.pw_uid, user.pw_gid)
        initdb = [f"{_BIN}/initdb", "-D", data, "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"]
        made = subprocess.run(
            initdb, user=user.pw_uid, group=user.pw_gid, extra_groups=[], capture_output=True, cwd="/"
        )
        assert made.returncode == 0, made.stderr.decode()
        os.mkdir(files)
        for name, text in (("app.py", _APP), ("nginx.conf", _NGINX.format(**self.ports))):
            with open(os.path.join(files, name), "w", encoding="utf-8") as file:
                file.write(text)
        words = {"root": root, "data": data, "files": files, "bin": _BIN, "python": _PYTHON}
        self.configure(_CONFIG.format(uid=user.pw_uid, gid=user.pw_gid, **words, **self.ports))

    def visit(self) -> int:
        """Return the number of a visit; 0 where the site does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['web']}/", timeout=10) as page:
                return int(page.read())
        except (OSError, ValueError):
            return 0

    def states(self) -> dict[str, dict[str, object]]:
        """Return the status of each part."""
        return {str(each["jail"]): each for each in json.loads(self.runjctl("status", "--json").stdout)}

    def _make_root(self, root: str) -> None:
        for name in ("usr", "tmp", "data", "srv", "run", "proc", "dev", "sys", "etc"):
            os.makedirs(os.path.join(root, name))
        for name in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{name}", os.path.join(root, name))
        for name in ("passwd", "group"):
            shutil.copy(f"/etc/{name}", os.path.join(root, "etc", name))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
