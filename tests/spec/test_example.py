"""Tests of runjd.spec.example."""

from runjd.spec.example import NAMESPACES, default_mounts, minimal_config, plain_config
from runjd.spec.model import Config, Namespace, Root, User
from runjd.spec.parse import parse_config
from tests.spec.documents import encoded


def test_the_default_is_a_good_document() -> None:
    """The default for Linux has namespaces of its own, the usual mounts, few rights, and asks for nothing unusual."""
    config = parse_config(encoded(minimal_config(["sh"])), "config.json")
    assert config.process is not None
    assert config.process.capabilities is not None
    assert config.linux is not None
    assert tuple(Namespace(kind) for kind in NAMESPACES) == config.linux.namespaces
    assert {"/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys"} == {
        each.destination for each in config.mounts
    }
    assert config.process.no_new_privileges
    assert config.process.capabilities.bounding == config.process.capabilities.effective
    assert config.process.capabilities.ambient == ()
    assert (config.linux.resources, config.linux.seccomp, config.linux.unapplied) == (None, None, ())


def test_the_default_grants_no_device_nodes() -> None:
    """Without a device cgroup, CAP_MKNOD would open the disks of the host to the jail's root."""
    assert "CAP_MKNOD" not in encoded(minimal_config(["sh"])).decode()


def test_what_is_asked_for_is_in_the_document() -> None:
    """Each argument stands where the specification has its property."""
    config = parse_config(
        encoded(
            minimal_config(
                ["sh", "-l"],
                root="/r",
                readonly=True,
                terminal=True,
                env=["A=1"],
                cwd="/srv",
                uid=5,
                gid=6,
                hostname="web",
                namespaces=["uts", "mount"],
                mounts=[{"destination": "/srv", "source": "/data", "options": ["rbind"]}],
            )
        ),
        "config.json",
    )
    assert config.process is not None
    assert config.linux is not None
    assert (config.process.args, config.process.cwd) == (("sh", "-l"), "/srv")
    assert (config.process.user, config.process.terminal) == (User(5, 6), True)
    assert config.process.env[1:] == ("TERM=xterm", "A=1")
    assert (Root("/r", True), "web") == (config.root, config.hostname)
    assert (Namespace("uts"), Namespace("mount")) == config.linux.namespaces
    assert config.mounts[-1].destination == "/srv"


def test_the_plain_one_asks_for_no_isolation() -> None:
    """A plain configuration has a process and a root, and suits every runtime."""
    config = parse_config(encoded(plain_config(["true"], root="/")), "config.json")
    assert config == Config(config.oci_version, Root("/"), config.process)


def test_a_document_may_be_changed_without_changing_the_next() -> None:
    """Nothing is shared between two documents."""
    first = minimal_config(["sh"])
    first["linux"]["maskedPaths"].clear()  # type: ignore[index]
    default_mounts()[0]["options"].clear()  # type: ignore[attr-defined]
    assert "/proc/kcore" in encoded(minimal_config(["sh"])).decode()
    assert default_mounts()[0]["options"]
