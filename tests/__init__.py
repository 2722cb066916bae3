"""The tests. They mirror `src/recurra`; `harness` holds what they share."""
