"""Tests of `recurra.engines`."""
