"""Devices, and several processes that train one model together."""
