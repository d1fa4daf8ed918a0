"""ttrpc, as containerd speaks it: a codec without I/O, the rules of one connection, and thin shells of Twisted."""
