"""Options of ``mounts[]`` become flags, attributes and data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError, Unsupported
from runjd.kernel import mount as m
from runjd.runtime.linux.mounts import FLAGS, PROPAGATIONS, RECURSIVE, mount_attributes, plan_mount
from runjd.runtime.linux.steps import BindMount, MountCgroups, MountFileSystem, Remount
from runjd.spec.model import Mount

FLAG_WORDS = sorted(set(FLAGS) - {"bind", "rbind", "remount"})


def of_tmpfs(*options: str) -> MountFileSystem:
    step = plan_mount(Mount("/x", "tmpfs", "tmpfs", options), 3, "/bundle")
    assert isinstance(step, MountFileSystem)
    return step


def of_bind(*options: str, source: str = "data") -> BindMount:
    step = plan_mount(Mount("/x", "bind", source, options), 3, "/bundle")
    assert isinstance(step, BindMount)
    return step


def test_file_system_with_flags_and_data() -> None:
    """Words of mount(8) become flags; the rest is for the file system, in its order."""
    step = of_tmpfs("nosuid", "strictatime", "mode=755", "size=65536k")

    assert step.flags == m.MS_NOSUID | m.MS_STRICTATIME
    assert step.data == "mode=755,size=65536k"
    assert step.path == "mounts[3]"
    assert str(step) == "mount tmpfs on /x (nosuid,strictatime,mode=755,size=65536k)"


@given(st.lists(st.sampled_from(FLAG_WORDS)))
def test_last_word_about_a_flag_counts(words: list[str]) -> None:
    """Of several options about one bit the last one decides."""
    expected = 0
    for word in words:
        bits, clears = FLAGS[word]
        expected = expected & ~bits if clears else expected | bits

    assert of_tmpfs(*words).flags == expected


@given(st.lists(st.text("abcdefgh=%0123456789", min_size=1).map("x".__add__), max_size=6))
def test_unknown_words_are_data(words: list[str]) -> None:
    """What is no flag reaches the file system unchanged."""
    assert of_tmpfs(*words).data == ",".join(words)


@given(st.lists(st.sampled_from(sorted(RECURSIVE))))
def test_recursive_words_never_set_and_clear_one_bit(words: list[str]) -> None:
    """The kernel would refuse a bit in both masks, but for the bits of the atime mode."""
    step = of_bind(*words)

    assert not step.set_recursively & step.clear_recursively & ~m.MOUNT_ATTR__ATIME
    # mount_setattr(2): whoever sets an atime mode must clear the whole of it.
    if step.set_recursively & m.MOUNT_ATTR__ATIME:
        assert step.clear_recursively & m.MOUNT_ATTR__ATIME == m.MOUNT_ATTR__ATIME


@given(st.integers(0, 2**26))
def test_attributes_of_any_flags_are_acceptable(flags: int) -> None:
    """No combination of flags sets an atime mode without clearing the old one."""
    set_bits, clear_bits = mount_attributes(flags)

    if set_bits & m.MOUNT_ATTR__ATIME:
        assert clear_bits == m.MOUNT_ATTR__ATIME


def test_bind_source_is_relative_to_the_bundle() -> None:
    """A relative source is looked for in the bundle, an absolute one on the host."""
    assert of_bind("rbind").source == "/bundle/data"
    assert of_bind("rbind", source="/srv//a/../b").source == "/srv/b"


def test_bind_by_option_or_by_type() -> None:
    """The type ``bind`` and the options ``bind`` and ``rbind`` all make a bind mount."""
    by_option = plan_mount(Mount("/x", "none", "/a", ("rbind",)), 0, "/b")

    assert isinstance(by_option, BindMount)
    assert by_option.recursive
    assert not of_bind().recursive
    assert of_bind("bind").recursive is False


def test_bind_is_private_unless_told() -> None:
    """What the host mounts later does not appear in a jail that did not ask for it."""
    assert of_bind("rbind").propagation == (m.MS_PRIVATE | m.MS_REC,)
    assert of_bind("rbind", "rslave").propagation == (m.MS_SLAVE | m.MS_REC,)
    assert of_bind("rbind", "shared", "rslave").propagation == (m.MS_SHARED, m.MS_SLAVE | m.MS_REC)


def test_bind_does_not_loosen_its_source() -> None:
    """``rw`` on a bind does not undo a read-only mount of the host; ``rrw`` does."""
    assert of_bind("rbind", "rw", "suid", "dev", "exec").clear == 0
    assert of_bind("rbind", "ro").set == m.MOUNT_ATTR_RDONLY
    assert of_bind("rbind", "rrw").clear_recursively == m.MOUNT_ATTR_RDONLY


@pytest.mark.parametrize(("option", "index"), [("size=1", 1), ("sync", 1), ("idmap", 1), ("ridmap", 1)])
def test_bind_refuses_what_it_cannot_have(option: str, index: int) -> None:
    """An option that a bind cannot have is refused by its path."""
    with pytest.raises(Unsupported) as caught:
        of_bind("rbind", option)

    assert caught.value.path == f"mounts[3].options[{index}]"


def test_bind_without_source_is_an_error() -> None:
    """There must be something to bind."""
    with pytest.raises(SpecError) as caught:
        of_bind(source="")

    assert caught.value.path == "mounts[3].source"


def test_remount_changes_what_is_there() -> None:
    """``remount`` is a step of its own, for binds by attributes, else by flags and data."""
    bind = plan_mount(Mount("/x", "bind", "/x", ("bind", "remount", "ro")), 0, "/b")
    whole = plan_mount(Mount("/x", "tmpfs", "tmpfs", ("remount", "size=1m")), 0, "/b")

    assert isinstance(bind, Remount)
    assert (bind.type, bind.set) == ("bind", m.MOUNT_ATTR_RDONLY)
    assert isinstance(whole, Remount)
    assert (whole.flags, whole.data) == (m.MS_REMOUNT, "size=1m")


def test_tmpcopyup_is_for_tmpfs() -> None:
    """Only a tmpfs can be filled from what it hides."""
    assert of_tmpfs("tmpcopyup").copies_up
    assert of_tmpfs("tmpcopyup").data == ""
    with pytest.raises(SpecError):
        plan_mount(Mount("/x", "proc", "proc", ("tmpcopyup",)), 0, "/b")


def test_cgroup_is_a_mount_of_its_own_kind() -> None:
    """The type ``cgroup`` stands for whichever version the host has."""
    step = plan_mount(Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "relatime", "ro")), 0, "/b")

    assert isinstance(step, MountCgroups)
    assert step.flags & m.MS_RDONLY


@pytest.mark.parametrize("destination", ["/", "//", "/./", ""])
def test_root_is_no_destination(destination: str) -> None:
    """The root itself cannot be mounted upon."""
    with pytest.raises(SpecError) as caught:
        plan_mount(Mount(destination, "tmpfs"), 0, "/b")

    assert caught.value.path == "mounts[0].destination"


def test_type_is_needed() -> None:
    """A mount that is no bind needs a type."""
    with pytest.raises(SpecError) as caught:
        plan_mount(Mount("/x", "", "y"), 0, "/b")

    assert caught.value.path == "mounts[0].type"


@given(st.lists(st.sampled_from([*FLAGS, *PROPAGATIONS, *RECURSIVE, "mode=755", "tmpcopyup"])))
def test_every_list_of_known_words_has_an_answer(words: list[str]) -> None:
    """Known options in any order make a step or an error that names its path."""
    try:
        path = plan_mount(Mount("/x", "tmpfs", "tmpfs", tuple(words)), 7, "/b").path
    except SpecError as error:
        path = error.path

    assert path.startswith("mounts[7]")
