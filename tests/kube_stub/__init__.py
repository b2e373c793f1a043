"""A stand-in for a Kubernetes API server (1.20) and one node, for the demo and for fast tests."""
