"""Plugins: what they declare, who is enabled, and which backend takes an object."""
