"""
Who or what caused a change, as the key ``by`` of its event says it.

A client is ``uid:N``.
"""

from __future__ import annotations

#: the init process ended by itself, or somebody signalled it
PROGRAM = "program"
#: the keeper was lost, or tells again what it has
KEEPER = "keeper"
#: the restart rule of the jail
RESTART = "policy:restart"
#: the readiness rule of the jail: its probe, or its time limit
READY = "policy:ready"
#: the probe of its health
HEALTH = "policy:health"
#: what it requires, or what requires it
ORDER = "policy:order"
#: the configuration was read
CONFIG = "config"
#: a signal to the daemon
SIGNAL = "signal"
#: what was wanted before is carried out now
WANT = "want"
