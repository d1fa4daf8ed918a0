"""Where the peers are found: the system's, behind those of other versions in the directories of PEERS_PATH."""

import os

PATH = ":".join(
    [
        *filter(None, [os.environ.get("PEERS_PATH")]),
        *("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"),
    ]
)
