"""
The relay: what containerd is connected with, so that it does not notice when the daemon dies.

One for each containerd and namespace. Standard library only, and little of that: it lives as long as containers do,
beside each daemon that comes and goes.
"""
