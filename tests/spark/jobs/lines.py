"""Prints N lines and ends with a status: lines.py N [STATUS]."""
import sys

for i in range(int(sys.argv[1])):
    print(f"line {i}", flush=True)
sys.exit(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
