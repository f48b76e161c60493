"""Delivery: hand one message over, and decide what its outcome means. Knows no database."""
