"""``runj demo``: a root file system of FreeBSD, and an image made of it."""
