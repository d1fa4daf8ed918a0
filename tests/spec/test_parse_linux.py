"""Tests of runjd.spec.parse_linux."""

import pytest

from runjd.spec.model import IdMapping, Linux, LinuxDevice, Namespace, Seccomp, TimeOffset
from runjd.spec.parse import parse_config
from tests.spec.documents import bundle, check_fault, encoded, good


def read(**properties: object) -> Linux:
    """Parse a document with these properties of ``linux``."""
    linux = parse_config(encoded(bundle(linux=properties)), "config.json").linux
    assert linux is not None
    return linux


def test_every_property_is_read() -> None:
    """The object comes out as it is written; what has no field is named."""
    mappings = (IdMapping(0, 100000, 65536),)
    assert parse_config(encoded(good("every-linux-property")), "config.json").linux == Linux(
        namespaces=(
            Namespace("pid"),
            Namespace("network", "/run/netns/blue"),
            Namespace("mount"),
            Namespace("ipc"),
            Namespace("uts"),
            Namespace("user"),
            Namespace("cgroup"),
            Namespace("time"),
        ),
        uid_mappings=mappings,
        gid_mappings=mappings,
        devices=(LinuxDevice("c", "/dev/fuse", 10, 229, 0o666, 0, 44), LinuxDevice("p", "/run/pipe")),
        cgroups_path="/runjd/web",
        resources={"pids": {"limit": 100}},
        seccomp=Seccomp("SCMP_ACT_ALLOW"),
        sysctl=(("net.ipv4.ip_forward", "1"),),
        masked_paths=("/proc/kcore",),
        readonly_paths=("/proc/sys",),
        rootfs_propagation="rslave",
        mount_label="system_u:object_r:svirt_sandbox_file_t:s0:c1,c2",
        personality="LINUX32",
        time_offsets=(TimeOffset("boottime", 60),),
        unapplied=("intelRdt", "memoryPolicy", "netDevices"),
    )


def test_an_empty_object_gives_the_defaults() -> None:
    """Nothing asked for is nothing found, and not the same as no object at all."""
    assert Linux() == read()
    assert parse_config(encoded(bundle()), "config.json").linux is None


def device(**properties: object) -> dict[str, object]:
    """Return a document with one device, changed by the properties; None leaves one out."""
    made = {"type": "c", "path": "/dev/x", "major": 1, "minor": 2} | properties
    return {"devices": [{name: value for name, value in made.items() if value is not None}]}


def mapping(**properties: int) -> dict[str, object]:
    """Return a document with one id mapping, changed by the properties."""
    return {"uidMappings": [{"containerID": 0, "hostID": 0, "size": 1} | properties]}


@pytest.mark.parametrize(
    ("properties", "path", "words"),
    [
        ({"namespaces": {"type": "pid"}}, "namespaces", "expected an array of objects"),
        ({"namespaces": ["pid"]}, "namespaces[0]", 'found "pid", expected an object'),
        ({"namespaces": [{}]}, "namespaces[0].type", "is missing"),
        ({"namespaces": [{"type": "net"}]}, "namespaces[0].type", "expected one of pid, network, mount"),
        ({"namespaces": [{"type": "uts"}, {"type": "uts"}]}, "namespaces[1].type", '"uts" appears twice'),
        ({"namespaces": [{"type": "pid", "path": "ns/pid"}]}, "namespaces[0].path", "expected an absolute path"),
        ({"namespaces": [{"type": "pid", "path": 0}]}, "namespaces[0].path", "found 0"),
        (device(type="x"), "devices[0].type", "expected one of c, b, u, p"),
        (device(type=None), "devices[0].type", "is missing"),
        (device(path=None), "devices[0].path", "is missing"),
        (device(path="x"), "devices[0].path", "expected an absolute path"),
        (device(major=None), "devices[0].major", "is missing"),
        (device(minor=None), "devices[0].minor", "is missing"),
        (device(major=-1), "devices[0].major", "from 0 to 4095"),
        (device(minor=2**20), "devices[0].minor", "from 0 to 1048575"),
        (device(fileMode=666), "devices[0].fileMode", "decimal: 438 is 0666"),
        (device(fileMode=0o040755), "devices[0].fileMode", "from 0 to 511"),
        (device(gid=2**32 - 1), "devices[0].gid", "from 0 to 4294967294"),
        (mapping(size=0), "uidMappings[0].size", "found 0"),
        (mapping(hostID=2**32), "uidMappings[0].hostID", "found 4294967296"),
        (mapping(containerID=2**31, size=2**31 + 1), "uidMappings[0].size", "a range that ends at 4294967295"),
        ({"gidMappings": [{"hostID": 1, "size": 1}]}, "gidMappings[0].containerID", "is missing"),
        ({"cgroupsPath": 1}, "cgroupsPath", "expected a string"),
        ({"resources": []}, "resources", "expected an object"),
        ({"seccomp": "unconfined"}, "seccomp", "expected an object"),
        ({"sysctl": {"net.core.somaxconn": 256}}, 'sysctl["net.core.somaxconn"]', "found 256, expected a string"),
        ({"sysctl": {"kernel.x": "\0"}}, 'sysctl["kernel.x"]', "without NUL"),
        ({"maskedPaths": ["/proc/kcore", "proc/x"]}, "maskedPaths[1]", "expected an absolute path"),
        ({"readonlyPaths": [None]}, "readonlyPaths[0]", "found null"),
        ({"rootfsPropagation": "sharde"}, "rootfsPropagation", "expected one of private, shared"),
        ({"rootfsPropagation": ""}, "rootfsPropagation", 'found "", expected one of'),
        ({"mountLabel": False}, "mountLabel", "found false"),
        ({"personality": {}}, "personality.domain", "is missing"),
        ({"personality": {"domain": "BSD"}}, "personality.domain", "expected one of LINUX, LINUX32"),
        ({"personality": {"domain": "LINUX", "flags": ["X"]}}, "personality.flags[0]", "knows no flag"),
        ({"timeOffsets": {"boottime": 1}}, "timeOffsets.boottime", "expected an object"),
        ({"timeOffsets": {"monotonic": {"nanosecs": 10**9}}}, "timeOffsets.monotonic.nanosecs", "from 0 to 999999999"),
        ({"timeOffsets": {"boottime": {"secs": 2**63}}}, "timeOffsets.boottime.secs", "found 9223372036854775808"),
        ({"netDevices": []}, "netDevices", "expected an object"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(properties: dict[str, object], path: str, words: str) -> None:
    """One wrong property gives one fault, at its path."""
    check_fault(bundle(linux=properties), f"linux.{path}", words)


@pytest.mark.parametrize("mode", [0o640, 0o020640, 0o060640, 0o010640])
def test_a_device_s_mode_may_hold_its_type(mode: int) -> None:
    """podman copies all of st_mode from a device of the host; the permissions are what counts."""
    assert read(**device(fileMode=mode)).devices[0].file_mode == 0o640


def test_a_fifo_needs_no_device_number() -> None:
    """Only a FIFO among the devices has no numbers."""
    assert (LinuxDevice("p", "/run/x"),) == read(devices=[{"type": "p", "path": "/run/x"}]).devices
