"""NeuroKit2 as a second method: its measurements of each lead, and its indices of heart rate
variability.

NeuroKit2 is imported only by `loading.load`, which a process calls when it is asked for it.
"""
