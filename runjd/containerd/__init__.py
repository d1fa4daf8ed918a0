"""containerd: its tasks as jails of the keeper, its events, and the relay that it talks to."""
