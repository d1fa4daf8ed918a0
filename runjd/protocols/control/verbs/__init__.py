"""The verbs of the control protocol, each declared once in a table."""
