"""
The porter: a process that speaks TLS with those who come from other hosts, and has rights to nothing else.

What strangers send before they have shown a certificate is read by OpenSSL, in a process of nobody's, and not by the
daemon, which is root.  It is of the standard library only: nothing else that it would have to carry or to trust.
"""
