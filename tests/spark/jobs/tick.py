"""Prints numbered lines and then holds, or ends: tick.py N [STATUS [MS]].
Ended from outside it says so, as its last line."""
import signal
import sys
import time

count = int(sys.argv[1])
status = sys.argv[2] if len(sys.argv) > 2 else "hold"
pause = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 0


def on_term(*_):
    time.sleep(2)   # as a JVM takes its time
    print("told to end", flush=True)
    sys.exit(143)


signal.signal(signal.SIGTERM, on_term)
for i in range(count):
    print(f"tick {i}", flush=pause > 0)
    if pause:
        time.sleep(pause)
sys.stdout.flush()
if status == "hold":
    time.sleep(600)
sys.exit(int(status))
