"""The networks in PyTorch, and the runner that makes them fast on a device.

This file imports nothing: signal workers import `encoder.config` and `encoder.output` and must not
load torch.
"""
