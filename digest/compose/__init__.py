"""compose: from a frozen issue to the bytes of one mail. Knows no network and no database."""
