"""Properties of the parsers: they refuse in one way only, and what they accept travels."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.spec.model import (
    Capabilities,
    Config,
    ConsoleSize,
    CpuAffinity,
    IoPriority,
    Mount,
    Process,
    Rlimit,
    Root,
    Scheduler,
    User,
)
from runjd.spec.parse import parse_config
from runjd.spec.parse_process import parse_process, process_to_json
from runjd.spec.parse_scheduling import FLAGS, IO_CLASSES
from runjd.spec.reader import ID_MAX, UINT64_MAX
from runjd.spec.version import parse_version
from tests.spec.documents import Step, encoded, good, places_of, steps_of

DOCUMENTS = [good("every-linux-property"), good("every-freebsd-property"), good("unknown-properties")]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.sampled_from(["", "/", "\0", "a\0", "\udc80", "pid", "new", "CAP_KILL", "RLIMIT_NOFILE", "1.0.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
names = st.text(st.characters(codec="ascii", categories=["Lu"]), min_size=1, max_size=6)
paths = words.map(lambda word: "/" + word)
ids = st.integers(0, ID_MAX)
capability_names = st.lists(names.map(lambda name: "CAP_" + name), max_size=4).map(tuple)


flags = st.lists(st.sampled_from(FLAGS), unique=True).map(tuple)
times = st.integers(0, UINT64_MAX)
schedulers = (
    st.builds(Scheduler, st.sampled_from(["SCHED_OTHER", "SCHED_BATCH"]), st.integers(-20, 19), flags=flags)
    | st.builds(Scheduler, st.sampled_from(["SCHED_FIFO", "SCHED_RR"]), priority=st.integers(0, 99), flags=flags)
    | st.builds(Scheduler, st.just("SCHED_DEADLINE"), flags=flags, runtime=times, deadline=times, period=times)
)
cpus = st.lists(st.integers(0, 8191), unique=True, max_size=4).map(lambda found: tuple(sorted(found)))


@st.composite
def environments(draw: st.DrawFn) -> str:
    """Draw an entry of an environment."""
    return draw(words.filter(lambda word: word and "=" not in word)) + "=" + draw(words)


@st.composite
def processes(draw: st.DrawFn) -> Process:
    """Draw a process that a process document can describe."""
    terminal = draw(st.booleans())
    size = st.builds(ConsoleSize, st.integers(0, 65535), st.integers(0, 65535))
    limits = draw(st.dictionaries(names, st.tuples(st.integers(0, UINT64_MAX), st.integers(0, UINT64_MAX)), max_size=3))
    return Process(
        args=(draw(words.filter(bool)), *draw(st.lists(words, max_size=3))),
        cwd=draw(paths),
        env=tuple(draw(st.lists(environments(), max_size=3))),
        terminal=terminal,
        console_size=draw(st.none() | size) if terminal else None,
        user=User(
            draw(ids),
            draw(ids),
            draw(st.none() | st.integers(0, 0o777)),
            tuple(draw(st.lists(ids, max_size=3))),
        ),
        rlimits=tuple(Rlimit("RLIMIT_" + name, min(pair), max(pair)) for name, pair in limits.items()),
        capabilities=draw(st.none() | st.builds(Capabilities, *[capability_names] * 5)),
        no_new_privileges=draw(st.booleans()),
        oom_score_adj=draw(st.none() | st.integers(-1000, 1000)),
        apparmor_profile=draw(words),
        selinux_label=draw(words),
        scheduler=draw(st.none() | schedulers),
        io_priority=draw(st.none() | st.builds(IoPriority, st.sampled_from(IO_CLASSES), st.integers(0, 7))),
        exec_cpu_affinity=draw(st.none() | st.builds(CpuAffinity, cpus, cpus)),
    )


@given(processes())
def test_a_process_travels_as_json(process: Process) -> None:
    """What is written of any process is read back as the same."""
    assert parse_process(json.dumps(process_to_json(process)).encode(), "process.json") == process


@given(
    processes(),
    st.lists(st.builds(Mount, paths, words, words), max_size=3),
    st.dictionaries(words.filter(bool), words, max_size=3),
)
def test_a_good_document_is_read_as_it_is_written(
    process: Process, mounts: list[Mount], annotations: dict[str, str]
) -> None:
    """Process, mounts and annotations of any good document come out as they went in."""
    document = {
        "ociVersion": "1.3.0",
        "root": {"path": "rootfs"},
        "process": process_to_json(process),
        "mounts": [{"destination": each.destination, "type": each.type, "source": each.source} for each in mounts],
        "annotations": annotations,
    }
    assert parse_config(encoded(document), "config.json") == Config(
        "1.3.0", Root("rootfs"), process, mounts=tuple(mounts), annotations=tuple(annotations.items())
    )


@given(st.sampled_from(DOCUMENTS), st.data(), json_values)
def test_any_value_at_any_place_is_read_or_refused_at_a_place_that_exists(
    document: object, data: st.DataObject, value: object
) -> None:
    """Whatever stands wherever, the outcome is a configuration, or an error whose path leads somewhere."""
    changed = replaced(document, data.draw(st.sampled_from(places_of(document))), value)
    error = refusal(encoded(changed))
    if error:
        assert leads_somewhere(changed, steps_of(error.path)), error


@given(st.sampled_from(DOCUMENTS), st.data())
def test_any_part_may_be_missing(document: object, data: st.DataObject) -> None:
    """Without some part the document is read, or refused beside the place where the part is missing."""
    place = data.draw(st.sampled_from([each for each in places_of(document) if each]))
    error = refusal(encoded(removed(document, place)))
    if error:
        assert tuple(steps_of(error.path))[: len(place) - 1] == place[:-1]


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"ociVersion": "1.0.0", "root": {"path": "\\ud800"}}')
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Whatever bytes a file holds, the outcome is a configuration or an error that names the file."""
    refusal(data)


@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_document_cut_off_or_damaged_is_read_or_refused(document: object, data: st.DataObject) -> None:
    """A few bytes more, less or changed anywhere give a configuration or an error."""
    text = json.dumps(document, indent=1).encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 3)))
    refusal(text[:start] + data.draw(st.binary(max_size=3)) + text[end:])


@given(json_values)
def test_any_value_is_a_process_or_refused(value: object) -> None:
    """A process document that arrives as JSON values is judged like one that is read."""
    try:
        process = parse_process(value, "process.json")
    except SpecError as caught:
        error = caught
    else:
        assert isinstance(process, Process)
        return
    assert str(error).startswith("process.json")


@given(st.text(max_size=12), st.tuples(*[st.integers(0, 10**6)] * 3))
def test_a_version_is_three_numbers(noise: str, numbers: tuple[int, int, int]) -> None:
    """Three numbers are read as they are, and nothing is made of noise but three numbers."""
    assert parse_version(".".join(map(str, numbers))) == numbers
    read = parse_version(noise)
    assert read is None or noise.startswith(".".join(map(str, read)))


def refusal(data: bytes) -> SpecError | None:
    """Return the error that a document is refused with, if it is; it names the file and can be shown."""
    try:
        config = parse_config(data, "config.json")
    except SpecError as caught:
        error = caught
    else:
        assert isinstance(config, Config)
        return None
    assert str(error).startswith("config.json")
    assert str(error).isprintable()
    return error


def replaced(document: object, place: tuple[Step, ...], value: object) -> object:
    """Return a copy of the document with another value at the place."""
    if not place:
        return value
    step, rest = place[0], place[1:]
    if isinstance(document, dict):
        return document | {step: replaced(document[step], rest, value)}
    assert isinstance(document, list)
    return [replaced(each, rest, value) if index == step else each for index, each in enumerate(document)]


def removed(document: object, place: tuple[Step, ...]) -> object:
    """Return a copy of the document without the value at the place."""
    step, rest = place[0], place[1:]
    if isinstance(document, dict):
        others = {name: inner for name, inner in document.items() if name != step}
        return others if not rest else document | {step: removed(document[step], rest)}
    assert isinstance(document, list)
    if not rest:
        return [each for index, each in enumerate(document) if index != step]
    return [removed(each, rest) if index == step else each for index, each in enumerate(document)]


def leads_somewhere(document: object, steps: list[Step]) -> bool:
    """Return whether all steps but the last exist, and the last could."""
    for number, step in enumerate(steps, 1):
        if isinstance(step, str):
            if not isinstance(document, dict):
                return False
            if step not in document:
                return number == len(steps)
            document = document[step]
        else:
            if not isinstance(document, list) or step >= len(document):
                return False
            document = document[step]
    return True
