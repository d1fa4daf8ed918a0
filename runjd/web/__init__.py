"""What the daemon tells to a monitoring system: metrics in the text format of Prometheus."""
