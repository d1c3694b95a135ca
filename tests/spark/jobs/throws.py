"""Ends with an exception in the driver, after Spark was up."""
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
print(spark.range(10).count(), flush=True)
raise ValueError("thrown on purpose")
