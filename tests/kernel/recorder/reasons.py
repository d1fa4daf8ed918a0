"""Why a recorded case is not asked of the kernel in memory."""

BYTES = "our functions choose the bytes and buffers"
TOOLS = "shows what a program of the base system prints"
TIMES = "measures time, or follows it"
PROGRAMS = "is about what programs, sockets or shared memory do in a jail, which are not modelled"
LIMITS = "needs processes that use memory, processors or descriptors"
OURSELVES = "is about system calls that Python makes for itself"
LAYOUT = "is how structures were found; the codecs have their own tests"
SUPERFLUOUS = "looks whether the experiment left something"

#: area, beginning of the case's name (or all of it with a "$" last), reason; the first that fits
REASONS = (
    ("twisted", "", "is about Twisted and Python"),
    ("fifo_pty", "", "is about FIFOs, terminals and sockets, which the kernel in memory does not pass data through"),
    ("", "left", SUPERFLUOUS),
    ("jail_set", "jail_get buffer", BYTES),
    ("jail_set", "", BYTES),
    ("mount", "rulesets in this guest", TOOLS),
    ("mount", "nmount", BYTES),
    ("mount", "struct", LAYOUT),
    ("mount", "  ls -l", TOOLS),
    ("mount", "devfs ioctl", BYTES),
    ("mount", "  rule id", BYTES),
    ("mount", "unknown devfs", BYTES),
    ("mount", "mount", TOOLS),
    ("mount", "nullfs file over file in the middle", "says the same as another"),
    ("rctl", "get_", BYTES),
    ("rctl", "add inlen", BYTES),
    ("rctl", "rctl -n", TOOLS),
    ("rctl", "remove", "our function refuses the empty filter"),
    ("rctl", "", LIMITS),
    ("jail_life", "jail_get", BYTES),
    ("jail_life", "iov_len", BYTES),
    ("jail_life", "removal timing", TIMES),
    ("jail_life", "50 x", TIMES),
    ("jail_life", "attach ", "is about threads"),
    ("jail_life", "issetugid", OURSELVES),
    ("jail_life", "jexec", TOOLS),
    ("jail_life", "", PROGRAMS),
    ("vnet", "ping", TOOLS),
    ("vnet", "bridge", TOOLS),
    ("vnet", "cmd", TOOLS),
    ("vnet", "  ", TOOLS),
    ("proc", "kinfo_proc", LAYOUT),
    ("proc", "ints at", LAYOUT),
    ("proc", "ki_", LAYOUT),
    ("proc", "offsets", LAYOUT),
    ("proc", "KERN_PROC", BYTES),
    ("proc", "kern.boottime", TIMES),
    ("proc", "REAP_", BYTES),
    ("proc", "procctl", BYTES),
    ("proc", "kqueue fork", "our queue does not follow forks"),
    ("proc", "kqueue EV_ONESHOT", BYTES),
    ("proc", "SPROTECT", BYTES),
    ("proc", "NO_NEW", BYTES),
    ("proc", "  ", TOOLS),
    ("proc", "", OURSELVES),
)  # fmt: skip


def reason(area: str, case: str) -> str:
    """Return why a case is left out; empty where nobody knows."""
    for where, beginning, why in REASONS:
        if where in ("", area) and case.startswith(beginning):
            return why
    return ""
