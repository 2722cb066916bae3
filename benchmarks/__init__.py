"""What ``make bench`` runs: recurra and its peers side by side."""
