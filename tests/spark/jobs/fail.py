"""Fails with the status 3."""
import sys

print("about to fail", flush=True)
sys.exit(3)
