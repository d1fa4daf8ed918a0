"""Questions to a jail: by a program in it, a connection, or a page."""
