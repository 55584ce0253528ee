"""Patches, their router, the experts that take them, and keys (PCE, section 4.1)."""
