"""Shows the configuration that Spark has, then its arguments."""
import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
conf = dict(spark.sparkContext.getConf().getAll())
# in one write: the JVM's log shares the pod's output
sys.stdout.write("conf=" + json.dumps(conf) + "\n" +
                 "args=" + json.dumps(sys.argv[1:]) + "\n" +
                 "user=" + spark.sparkContext.sparkUser() + "\n")
spark.stop()
