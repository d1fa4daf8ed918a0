"""containerd: its Task service on the controller, its events, and the relay that it talks to."""
