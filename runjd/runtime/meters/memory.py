"""A meter that tells what a test says."""

from __future__ import annotations

from runjd.runtime.meters.contract import Meter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.policy.usage import Usage


class MemoryMeter(Meter):
    """
    Jails that are only talked about.

    :ivar usages: what each uses; a jail without is gone.
    :ivar ran_out_of: of which jails it is known whether memory ran out.
    :ivar asked: for which jails it was asked, each time.
    :ivar judged_by: by which control groups it was asked whether memory ran out, each time.
    :ivar error: raised instead of an answer.
    """

    def __init__(self) -> None:
        self.usages: dict[str, Usage] = {}
        self.ran_out_of: dict[str, bool] = {}
        self.asked: list[dict[str, int]] = []
        self.judged_by: list[Sequence[str] | None] = []
        self.error: OSError | None = None

    def measure(self, inits: Mapping[str, int]) -> dict[str, Usage]:
        self.asked.append(dict(inits))
        if self.error is not None:
            raise self.error
        return {id: usage for id, usage in self.usages.items() if id in inits}

    def ran_out(self, id: str, groups: Sequence[str] | None = None) -> bool | None:
        self.judged_by.append(groups)
        return self.ran_out_of.get(id)
