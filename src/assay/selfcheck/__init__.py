"""Are the benchmarks right? Planted defects, and the same edit measured again."""
