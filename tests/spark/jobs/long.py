"""Says when Spark is up, then runs until it is ended."""
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print("spark is up", flush=True)
time.sleep(600)
