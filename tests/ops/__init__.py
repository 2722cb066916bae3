"""Tests of `recurra.ops`."""
