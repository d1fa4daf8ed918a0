"""How it is found out that a jail is ready."""
