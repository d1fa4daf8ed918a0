"""The bundles that the daemon makes, and those that they override."""

import json
import os

from twisted.internet.defer import Deferred, maybeDeferred

from runjd.config.model import Overrides
from runjd.config.overrides import to_json
from runjd.supervise.bundles import OVERRIDES_JSON, Bundles


def _other(directory) -> str:
    directory.mkdir()
    (directory / "rootfs").mkdir()
    (directory / "config.json").write_text(json.dumps({"ociVersion": "1.2.0", "process": {"args": ["/a"]}}))
    return str(directory)


def test_a_bundle_whose_file_system_does_not_answer_holds_up_no_other(tmp_path):
    """Each is read where its file system is waited for by nobody else."""
    stuck, other = _other(tmp_path / "nfs"), _other(tmp_path / "local")
    bundles = Bundles(
        str(tmp_path / "bundles"),
        lambda path, call, *words: Deferred() if path == stuck else maybeDeferred(call, *words),
    )
    os.mkdir(tmp_path / "bundles")
    bundles.write(
        {"a": (OVERRIDES_JSON, to_json(stuck, Overrides())), "b": (OVERRIDES_JSON, to_json(other, Overrides()))}
    )

    waiting = bundles.fresh(bundles.path("a"))
    fresh = bundles.fresh(bundles.path("b"))

    assert (waiting.called, fresh.called) == (False, True)
    assert sorted(os.listdir(bundles.path("b"))) == ["config.json", OVERRIDES_JSON]


def test_a_bundle_that_overrides_none_is_read_by_nobody(tmp_path):
    """It is fresh as it is; so is one that is not ours."""
    os.mkdir(tmp_path / "bundles")
    bundles = Bundles(str(tmp_path / "bundles"), lambda path, call, *words: Deferred())
    bundles.write({"a": ("config.json", {})})

    assert bundles.fresh(bundles.path("a")).called
    assert bundles.fresh(_other(tmp_path / "other")).called
