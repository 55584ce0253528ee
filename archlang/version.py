"""The version of this package; the project file says the same, and a test compares both."""

VERSION = "0.1.0"
