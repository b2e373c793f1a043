"""A stand-in for a Kubernetes API server and one node, for the demo and for fast tests.

It answers as kube-apiserver 1.20 does, as far as pods, services and namespaces go: whatever passes
here must pass there too. Nothing of it is meant for production.
"""
