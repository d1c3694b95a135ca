"""Ends well after some seconds: slow.py SECONDS."""
import sys
import time

print("slow", flush=True)
time.sleep(float(sys.argv[1]))
print("done", flush=True)
