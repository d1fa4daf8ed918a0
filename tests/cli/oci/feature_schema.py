"""
What the specification says a features document looks like, as a JSON schema.

Made from the tables of features.md and features-linux.md of the OCI runtime
specification 1.3: which properties there are, and of which type.
"""

from __future__ import annotations

_FLAG = {"type": "boolean"}
_TEXTS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}


def _one_of(prefix: str) -> dict[str, object]:
    return {"type": "array", "items": {"type": "string", "pattern": f"^{prefix}[A-Z0-9_]+$"}, "uniqueItems": True}


def _record(*required: str, **properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_SWITCH = _record("enabled", enabled=_FLAG)

SCHEMA = _record(
    "ociVersionMin",
    "ociVersionMax",
    ociVersionMin={"type": "string"},
    ociVersionMax={"type": "string"},
    hooks={
        "type": "array",
        "items": {
            "enum": ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"],
        },
    },
    mountOptions=_TEXTS,
    annotations={"type": "object", "additionalProperties": {"type": "string"}},
    potentiallyUnsafeConfigAnnotations=_TEXTS,
    linux=_record(
        namespaces={
            "type": "array",
            "items": {"enum": ["mount", "pid", "network", "uts", "ipc", "user", "cgroup", "time"]},
        },
        capabilities=_one_of("CAP_"),
        cgroup=_record(v1=_FLAG, v2=_FLAG, systemd=_FLAG, systemdUser=_FLAG, rdma=_FLAG),
        seccomp=_record(
            "enabled",
            enabled=_FLAG,
            actions=_one_of("SCMP_ACT_"),
            operators=_one_of("SCMP_CMP_"),
            archs=_one_of("SCMP_ARCH_"),
            knownFlags=_one_of("SECCOMP_FILTER_FLAG_"),
            supportedFlags=_one_of("SECCOMP_FILTER_FLAG_"),
        ),
        apparmor=_SWITCH,
        selinux=_SWITCH,
        intelRdt=_SWITCH,
        mountExtensions=_record(idmap=_SWITCH),
    ),
)
