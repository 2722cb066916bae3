"""From what users have (arrays, data frames, files) to what engines take."""
