"""What runs the steps again and again. Decides nothing about papers or mail: the steps do.

`jobs` is the protocol, `local` the engine inside one process, `ticks` says when, `steps` what, `service`
joins them. Past one machine: `distributed` is the engine on PostgreSQL, `distributed_steps` what its workers
do, `ticker` what is left for the process that serves the pages.
"""
