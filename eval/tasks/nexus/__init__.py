"""Nexus (NexusRaven v1): the one call that a request wants."""
