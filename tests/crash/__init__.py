"""Real processes are killed while they send; then the mails in the mailbox are counted."""
