"""What the tests share. Modules inside import each other as `tests.harness...`."""
