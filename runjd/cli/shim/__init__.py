"""containerd-shim-runj-v1: what containerd runs to make containers with runj, and to clean up after them."""
