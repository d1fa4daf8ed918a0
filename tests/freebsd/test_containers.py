"""What runs in a container: its program, its surroundings, its files."""

from __future__ import annotations

import os

import pytest


def test_the_exit_status_and_the_output_come_out(containers) -> None:
    """runj run ends as the program does."""
    bundle = containers.bundle(containers.config("echo hello; exit 42"))
    done = containers("run", "--bundle", bundle, "c")

    assert (done.returncode, done.stdout) == (42, "hello\n")


def test_the_environment_is_what_is_said(containers) -> None:
    """And nothing else."""
    said = containers.run("set", env=["A=1", "B=two words", "PATH=/bin"])
    found = {line.partition("=")[0]: line.partition("=")[2].strip("'") for line in said.splitlines()}

    assert (found["A"], found["B"], found["PATH"]) == ("1", "two words", "/bin")
    assert "HOME" not in found or found["HOME"] in ("", "/", "/root")
    assert "LC_ALL" not in found


def test_the_process_is_who_and_where_it_is_told_to_be(containers) -> None:
    """User, groups, umask, working directory, limits."""
    said = containers.run(
        "id -u; id -g; id -G; umask; pwd; ulimit -n",
        user={"uid": 1001, "gid": 1002, "additionalGids": [1003, 1004], "umask": 0o27},
        cwd="/tmp",
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 50, "hard": 60}],
    ).splitlines()

    assert (said[0], said[1]) == ("1001", "1002")
    assert set(said[2].split()) == {"1002", "1003", "1004"}
    assert (int(said[3], 8), said[4], said[5]) == (0o27, "/tmp", "50")


def test_the_root_is_the_bundle_s(containers) -> None:
    """What is written there is found in the bundle, and there is no way out."""
    config = containers.config("cd /; cd ..; echo kept > ../kept; ls /")
    bundle = containers.bundle(config)
    said = containers.ok("run", "--bundle", bundle, "c")

    assert {"bin", "etc", "tmp", "kept"} <= set(said.split())
    with open(f"{bundle}/rootfs/kept") as file:
        assert file.read() == "kept\n"


def test_a_read_only_root_is_one(containers) -> None:
    """Nothing can be made in it."""
    said = containers.run("echo x 2>&1 > /new || echo refused", lambda config: config["root"].update(readonly=True))

    assert said.endswith("refused\n")


def test_a_host_name_is_the_container_s(containers) -> None:
    """And stays inside."""
    before = os.uname().nodename

    assert containers.run("hostname", lambda config: config.update(hostname="inside.example")) == "inside.example\n"
    assert os.uname().nodename == before


def test_a_directory_is_shared(containers) -> None:
    """Read and written through a bind mount, whose mount point is made and removed again."""
    shared = f"{containers.directory}/shared"
    os.mkdir(shared)
    with open(f"{shared}/in", "w") as file:
        file.write("from the host\n")
    config = containers.config("cat /made/for/it/in; echo from inside > /made/for/it/out")
    config.setdefault("mounts", []).append(
        {"destination": "/made/for/it", "type": "bind", "source": shared, "options": ["rbind", "rw"]}
    )
    bundle = containers.bundle(config)

    assert containers.ok("run", "--bundle", bundle, "c") == "from the host\n"
    with open(f"{shared}/out") as file:
        assert file.read() == "from inside\n"
    if containers.is_freebsd:
        assert not os.path.exists(f"{bundle}/rootfs/made")


def test_a_shared_directory_may_be_read_only(containers) -> None:
    """Nothing is written to the host."""
    shared = f"{containers.directory}/shared"
    os.mkdir(shared)
    mount = {"destination": "/tmp", "type": "bind", "source": shared, "options": ["bind", "ro"]}
    said = containers.run(
        "echo x 2>&1 > /tmp/x || echo refused", lambda config: config.setdefault("mounts", []).append(mount)
    )

    assert said.endswith("refused\n")
    assert os.listdir(shared) == []


def test_a_single_file_is_there(containers) -> None:
    """Mounted or copied; what the image has in its place is not lost."""
    source = f"{containers.directory}/hosts"
    with open(source, "w") as file:
        file.write("of the host\n")
    config = containers.config("cat /etc/hosts")
    config.setdefault("mounts", []).append(
        {"destination": "/etc/hosts", "type": "bind", "source": source, "options": ["bind", "ro"]}
    )
    bundle = containers.bundle(config)
    with open(f"{bundle}/rootfs/etc/hosts", "w") as file:
        file.write("of the image\n")

    assert containers.ok("run", "--bundle", bundle, "c") == "of the host\n"
    with open(f"{bundle}/rootfs/etc/hosts") as file:
        assert file.read() == "of the image\n"


def test_a_tmpfs_is_full_where_it_is_told_to_be(containers) -> None:
    """With its mode; what is in it is not in the bundle."""
    mount = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k", "mode=1777"]}
    config = containers.config("cat /bin/sh > /tmp/big 2>/dev/null && echo all of it; ls -ld /tmp")
    config.setdefault("mounts", []).append(mount)
    bundle = containers.bundle(config)

    assert containers.ok("run", "--bundle", bundle, "c").startswith("drwxrwxrwt")
    assert os.listdir(f"{bundle}/rootfs/tmp") == []


def test_a_program_that_is_missing_is_told_and_leaves_nothing(containers) -> None:
    """At create, with its name."""
    config = containers.config("")
    config["process"]["args"] = ["/bin/no-such-program"]
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")

    assert "no-such-program" in said
    assert containers.ok("list", "--quiet") == ""


def test_a_mount_that_fails_leaves_nothing(containers) -> None:
    """The error has its JSON path; those before it are undone."""
    config = containers.config("")
    config.setdefault("mounts", []).extend(
        [
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/etc", "type": "bind", "source": "/no/such/source", "options": ["bind"]},
        ]
    )
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")

    assert f"mounts[{len(config['mounts']) - 1}]" in said
    assert containers.ok("list", "--quiet") == ""


@pytest.mark.parametrize("hook", ["createRuntime", "poststop"])
def test_a_hook_runs_on_the_host(containers, hook) -> None:
    """With the state on its standard input."""
    told = f"{containers.directory}/told"
    hooks = {hook: [{"path": "/bin/sh", "args": ["sh", "-c", f"cat > {told}"]}]}
    containers.run("", lambda config: config.update(hooks=hooks))

    with open(told) as file:
        assert '"bundle"' in file.read()
