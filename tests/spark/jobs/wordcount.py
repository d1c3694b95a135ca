"""Counts the words of a text: wordcount.py FILE."""
import json
import sys

from pyspark.sql import SparkSession

import counting

spark = SparkSession.builder.getOrCreate()
counts = (spark.sparkContext.textFile(sys.argv[1])
          .flatMap(counting.words).map(lambda w: (w, 1))
          .reduceByKey(lambda a, b: a + b))
total = counts.values().sum()
top = sorted(counts.collect(), key=lambda x: (-x[1], x[0]))[:10]
# in one write: the JVM's log shares the pod's output
sys.stdout.write("result " + json.dumps({"total": total, "top": top}) + "\n")
spark.stop()
