"""The control protocol RUNJD/1, runjd-control(7): pure codecs, the verbs, and the Twisted server on top."""
