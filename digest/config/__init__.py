"""What the operator says: settings from the environment, sources and subscribers from one YAML file.

The only room that reads the environment. It decides nothing: every value is checked once, here, and
a fault names its place and its remedy.
"""

from digest.config.addresses import normalise_address
from digest.config.file import Listed, Roster, read_roster
from digest.config.settings import Settings, dkim_files, read_settings, signing_keys

__all__ = [
    "Listed",
    "Roster",
    "Settings",
    "dkim_files",
    "normalise_address",
    "read_roster",
    "read_settings",
    "signing_keys",
]
