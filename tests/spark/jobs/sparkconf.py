"""Shows the configuration that Spark has, then its arguments."""
import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
conf = dict(spark.sparkContext.getConf().getAll())
print("conf=" + json.dumps(conf))
print("args=" + json.dumps(sys.argv[1:]))
print("user=" + spark.sparkContext.sparkUser(), flush=True)
spark.stop()
