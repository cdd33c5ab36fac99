"""Measuring: how fast both engines score here, at what share of the machine, how exactly.

Speed is a ratio within one run: a machine's clock and its other users change from hour to
hour, and change both engines alike.
"""
