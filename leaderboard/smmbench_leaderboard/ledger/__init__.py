"""The ledger of published boards: entries that are added, chained, withdrawn, and never edited."""
