"""The networks in PyTorch and the runner that makes them fast on a device.

Nothing is imported here: signal workers read `encoder.config` and `encoder.output` and must not pay for torch.
"""
