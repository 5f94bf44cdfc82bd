"""Random networks and configurations, for verification."""
