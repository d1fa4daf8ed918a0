"""Supervises OCI containers and FreeBSD jails as ordinary processes."""

__version__ = "0.1.0.dev0"
