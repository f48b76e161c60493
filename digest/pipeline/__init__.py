"""The steps of a pass: the only place where the rooms meet, one file a step."""
