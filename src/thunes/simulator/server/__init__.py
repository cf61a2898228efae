"""The exchange on a port, or inside a process."""
