"""Sleeps until it is ended, or for ten minutes."""
import time

print("sleeping", flush=True)
time.sleep(600)
