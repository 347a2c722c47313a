"""Bytes of any ECG file -> `EcgRecord`; one file per format, found by content.

A format is a module with a `FORMAT` (`parts.Format`); `registry.read` finds it.
"""
