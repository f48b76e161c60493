"""Ingestion: fetch (network), guard (addresses), parse (pure), identity (pure). Stores nothing."""
