"""Prints what its environment has of the names it is given."""
import os
import sys

for name in sys.argv[1:]:
    print(f"{name}={os.environ.get(name)}", flush=True)
