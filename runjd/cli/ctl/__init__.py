"""The parts of runjctl(8): the client of the control protocol, the sessions on a terminal, the subcommands."""
