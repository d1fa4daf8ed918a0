"""Tests of runjd.spec.parse."""

import json

import pytest

from runjd.errors import SpecError
from runjd.spec.model import Config, Hook, Hooks, IdMapping, Mount, Root
from runjd.spec.parse import parse_config
from tests.spec.documents import DATA, bundle, check_fault, encoded, fault_of, good

BAD = json.loads((DATA / "bad.json").read_text("utf-8"))


def read(document: object) -> Config:
    """Parse a document."""
    return parse_config(encoded(document), "config.json")


@pytest.mark.parametrize("name", sorted(each.name for each in (DATA / "bad").iterdir()))
def test_a_bad_document_is_refused_in_these_words(name: str) -> None:
    """Each document of the bad ones is refused with the message that stands beside it."""
    with pytest.raises(SpecError) as caught:
        parse_config((DATA / "bad" / name).read_bytes(), name)
    assert BAD[name] == str(caught.value)


def test_the_least_document_gives_the_defaults() -> None:
    """A version and a root suffice; everything else has the specification's default."""
    assert Config("1.0.0-rc5+build.007", Root("rootfs")) == read(good("least"))


def test_every_property_outside_process_and_platform_is_read() -> None:
    """Root, mounts, hooks, names and annotations come out as they are written."""
    config = read(good("every-linux-property"))
    assert Root("rootfs", True) == config.root
    assert (config.hostname, config.domainname) == ("web", "example.org")
    assert config.mounts == (
        Mount("/proc", "proc", "proc"),
        Mount("/data", "none", "volumes/data", ("rbind", "rw")),
        Mount("/mapped", "", "/srv", ("bind", "idmap"), (IdMapping(0, 1000, 1),), (IdMapping(0, 4294967294, 2),)),
    )
    assert config.hooks == Hooks(
        prestart=(Hook("/bin/first"),),
        create_runtime=(Hook("/bin/second", ("second", "-v"), ("A=1",), 30),),
        create_container=(Hook("/bin/third", env=()),),
        poststart=(Hook("/bin/fourth"), Hook("/bin/fifth")),
        poststop=(Hook("/bin/sixth"),),
    )
    assert config.annotations == (("com.example.key", "value"), ("empty", ""))
    assert config.foreign == ()


def test_unknown_properties_are_ignored() -> None:
    """A property that the specification does not know changes nothing, whatever its value and place."""
    config = read(good("unknown-properties"))
    assert (Mount("/proc", "proc"),) == config.mounts
    assert Hooks() == config.hooks
    assert config.linux is not None
    assert config.linux.unapplied == ()


def test_objects_of_other_platforms_are_named() -> None:
    """What asks for another platform is told by name, so that a runtime can refuse it."""
    assert read(good("other-platforms")).foreign == ("solaris", "vm", "windows", "zos")


def test_a_windows_bundle_may_have_no_root() -> None:
    """Hyper-V containers have no root; it is the platform that is refused, not the absence."""
    assert read({"ociVersion": "1.0.0", "windows": {}}).root is None


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"root": {"path": "r"}}, "ociVersion", "is missing"),
        (bundle(ociVersion=1.3), "ociVersion", "found 1.3, expected a version"),
        (bundle(ociVersion=""), "ociVersion", 'found "", expected a version in SemVer'),
        (bundle(ociVersion="1.4.0"), "ociVersion", "from 1.0 to 1.3"),
        ({"ociVersion": "1.3.0"}, "root", "is missing"),
        (bundle(root=None), "root", "found null, expected an object"),
        (bundle(root="rootfs"), "root", 'found "rootfs", expected an object'),
        (bundle(root={}), "root.path", "is missing"),
        (bundle(root={"path": ""}), "root.path", "is empty"),
        (bundle(root={"path": "a\0b"}), "root.path", r'found "a\u0000b", expected a string without NUL'),
        (bundle(root={"path": "r", "readonly": 1}), "root.readonly", "found 1, expected true or false"),
        (bundle(process=[]), "process", "found an empty array, expected an object"),
        (bundle(hostname=["a", "b"]), "hostname", "found an array of 2, expected a string"),
        (bundle(domainname="\ud800"), "domainname", "without half a surrogate pair"),
        (bundle(mounts={}), "mounts", "found an object, expected an array of objects"),
        (bundle(mounts=[[]]), "mounts[0]", "expected an object"),
        (bundle(mounts=[{}]), "mounts[0].destination", "is missing"),
        (bundle(mounts=[{"destination": ""}]), "mounts[0].destination", "is empty"),
        (bundle(mounts=[{"destination": "/a", "type": 5}]), "mounts[0].type", "found 5, expected a string"),
        (bundle(mounts=[{"destination": "/a", "options": "ro"}]), "mounts[0].options", "expected an array of strings"),
        (bundle(mounts=[{"destination": "/a", "options": ["ro", 1]}]), "mounts[0].options[1]", "expected a string"),
        (bundle(mounts=[{"destination": "/a", "options": ["rbind"]}]), "mounts[0].source", "is missing"),
        (bundle(mounts=[{"destination": "/a", "uidMappings": []}]), "mounts[0].gidMappings", "along with uidMappings"),
        (bundle(mounts=[{"destination": "/a", "gidMappings": []}]), "mounts[0].uidMappings", "along with gidMappings"),
        (bundle(mounts=[{"destination": "proc"}], freebsd={}), "mounts[0].destination", "expected an absolute path"),
        (bundle(hooks=[]), "hooks", "expected an object"),
        (bundle(hooks={"poststop": {}}), "hooks.poststop", "expected an array of objects"),
        (bundle(hooks={"poststop": [{}]}), "hooks.poststop[0].path", "is missing"),
        (bundle(hooks={"prestart": [{"path": "a"}]}), "hooks.prestart[0].path", "expected an absolute path"),
        (bundle(hooks={"prestart": [{"path": "/a", "env": ["A"]}]}), "hooks.prestart[0].env[0]", "expected NAME=value"),
        (bundle(hooks={"poststart": [{"path": "/a", "timeout": 0}]}), "hooks.poststart[0].timeout", "found 0"),
        (bundle(hooks={"poststart": [{"path": "/a", "timeout": 1.5}]}), "hooks.poststart[0].timeout", "found 1.5"),
        (bundle(annotations=[]), "annotations", "expected an object"),
        (bundle(annotations={"": "x"}), 'annotations[""]', "expected a name"),
        (bundle(annotations={"com.example.n": 1}), 'annotations["com.example.n"]', "found 1, expected a string"),
        (bundle(vm=True), "vm", "found true, expected an object"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(document: object, path: str, words: str) -> None:
    """One wrong property gives one fault, at its path, that says what was found and what was expected."""
    check_fault(document, path, words)


def test_the_error_carries_path_reason_and_file() -> None:
    """A program finds the parts of the message without parsing it."""
    error = fault_of(bundle(root={"path": 5}))
    assert (error.path, error.reason, error.file) == ("root.path", "found 5, expected a string", "config.json")
    assert str(error) == "config.json: root.path: found 5, expected a string"


def test_a_document_that_is_wrong_all_over_is_refused_in_a_few_lines() -> None:
    """However many faults there are, the message shows some and counts the others."""
    error = fault_of(bundle(mounts=[5] * 10_000))
    assert error.path == "mounts[0]"
    assert len(error.reason) < 2000
    assert error.reason.endswith("; and 9980 more")


def test_a_relative_destination_is_below_the_root_on_linux() -> None:
    """Old tools write relative destinations, which mean the same with a slash in front."""
    assert (Mount("/a/b"),) == read(bundle(mounts=[{"destination": "a/b"}])).mounts
