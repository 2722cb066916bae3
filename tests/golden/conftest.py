# These run in the environment of the programs they ask, not in that of the tests.
collect_ignore_glob = ["*/run_cases.py", "remake.py"]
