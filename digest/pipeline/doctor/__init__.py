"""Checks of an installation, one line each with its remedy. Change nothing, need nothing external in tests.

`check` is a line and its verdict, `names` asks DNS through an injected resolver, `records` judges what DNS
said (pure), `relay` talks to the mail server, `machine` looks at database, disk and clock.
"""
