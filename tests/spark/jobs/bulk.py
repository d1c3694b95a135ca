"""Prints N numbered lines of some 60 bytes at once, and holds."""
import sys
import time

for i in range(int(sys.argv[1])):
    print(f"{i} {'x' * 55}")
sys.stdout.flush()
time.sleep(600)
