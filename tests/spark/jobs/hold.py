"""Runs until it is ended, or for ten minutes."""
import time

print("holding", flush=True)
time.sleep(600)
