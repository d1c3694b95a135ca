"""Says what a first Spark program says, without Spark."""
print("Pi is roughly 3.14", flush=True)
