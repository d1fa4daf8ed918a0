"""Tells twistd about ``twistd runjd``."""

from twisted.application.service import ServiceMaker

runjd = ServiceMaker("runjd", "runjd.tap", "Supervise jails and OCI containers.", "runjd")  # type: ignore[no-untyped-call]
