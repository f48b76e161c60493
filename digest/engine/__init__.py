"""What runs the steps again and again. Decides nothing about papers or mail: the steps do.

`jobs` is the protocol, `local` the engine inside one process, `ticks` says when, `steps` what.
"""
