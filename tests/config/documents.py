"""TOML documents for property tests, each with the lines of its keys as they were written."""

from __future__ import annotations

import json

from hypothesis import strategies as st

BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x7f"), max_size=6)
SCALARS = st.one_of(
    st.integers(-9, 99).map(str),
    st.sampled_from(["true", "1.5", "inf", "1979-05-27 07:32:00", "1979-05-27T07:32:00Z", "07:32:00", "0xff"]),
    ANY.map(lambda text: json.dumps(text, ensure_ascii=True)).filter(lambda text: "\\ud" not in text),
    st.sampled_from(
        [
            "'''\n[no.table]\nx = 1 # \\'''",
            '"""\nx = "y"\n\\"\\"\\" [a]\n"""""',
            '"""""\n""\\\\"""',
            "''''a'\n''b'''''",
            "'#\"'",
            '"\\"# ] }"',
            "''",
            '""',
        ]
    ),
)
BLANKS = st.sampled_from(["", "", "\n", "# [x] \"'\n", "  \n\t# y = 1\n\n"])
SPACES = st.sampled_from(["", " ", "\t "])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3))


class Emitter:
    """Writes a document, and notes where what begins."""

    def __init__(self, draw):
        self.draw = draw
        self.text = ""
        self.lines = {}

    def put(self, text):
        self.text += text

    def note(self, path):
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def name(self, name):
        """Write a name in one of the ways that are possible for it."""
        ways = [json.dumps(name, ensure_ascii=self.draw(st.booleans()))]
        if "\\ud" in ways[0]:
            ways = [json.dumps(name, ensure_ascii=False)]
        if name and all(each.isascii() and (each.isalnum() or each in "_-") for each in name):
            ways.append(name)
        if name.isprintable() and "'" not in name:
            ways.append(f"'{name}'")
        self.put(self.draw(SPACES) + self.draw(st.sampled_from(ways)) + self.draw(SPACES))

    def names(self, path, start):
        """Write the names of a path from there on with dots between, and note each."""
        for at in range(start, len(path)):
            if isinstance(path[at], int):
                continue
            if at > start:
                self.put(".")
            self.note(path[: at + 1])
            self.name(path[at])

    def value(self, value, path):
        if isinstance(value, list):
            self.put("[" + self.draw(BLANKS))
            for at, each in enumerate(value):
                self.note((*path, at))
                self.value(each, (*path, at))
                self.put(self.draw(BLANKS))
                if at + 1 < len(value) or self.draw(st.booleans()):
                    self.put("," + self.draw(BLANKS))
            self.put(self.draw(BLANKS) + "]")
        elif isinstance(value, dict):
            self.put("{" + self.draw(SPACES))
            for at, (name, each) in enumerate(value.items()):
                self.put("," if at else "")
                self.pair((*path, name), len(path), each)
                self.put(self.draw(SPACES))
            self.put("}")
        else:
            self.put(value)

    def pair(self, path, start, value):
        self.names(path, start)
        self.put("=" + self.draw(SPACES))
        self.value(value, path)

    def body(self, path):
        """Write the keys of a table, some with dots."""
        for name in self.draw(st.lists(ANY, max_size=3, unique=True)):
            self.put(self.draw(BLANKS))
            inner = self.draw(st.lists(ANY, max_size=2))
            self.pair((*path, name, *inner), len(path), self.draw(VALUES))
            self.put(self.draw(SPACES) + self.draw(st.sampled_from(["\n", " # = 1\n"])))


@st.composite
def documents(draw):
    """Return a text, and the line of each path in it."""
    emitter = Emitter(draw)
    emitter.body(())
    # Tables have names that no key of the body has: a NUL-free prefix that ANY cannot make.
    for at in range(draw(st.integers(0, 3))):
        top = f"table {at}"
        inner = draw(st.lists(ANY, max_size=2))
        if draw(st.booleans()):
            emitter.put(draw(BLANKS) + "[")
            emitter.names((top, *inner), 0)
            emitter.put("]\n")
            emitter.body((top, *inner))
            continue
        for index in range(draw(st.integers(1, 3))):
            emitter.put(draw(BLANKS) + "[[")
            emitter.note((top,))
            emitter.note((top, index))
            emitter.name(top)
            emitter.put("]]\n")
            emitter.body((top, index))
            if inner:
                path = (top, index, "sub table", *inner)
                emitter.put("[")
                emitter.note((top,))
                emitter.names(path, 0)
                emitter.put("]\n")
                emitter.body(path)
    return emitter.text, emitter.lines
