"""Counts the words of a text: wordcount.py FILE."""

import sys

from pyspark.sql import SparkSession, functions as f

path = sys.argv[1]
spark = SparkSession.builder.appName("wordcount").getOrCreate()

words = (spark.read.text("file://" + path)
         .select(f.explode(f.split(f.lower("value"), "[^a-z]+")).alias("word"))
         .where("word <> ''")
         .groupBy("word").count()
         .cache())

total = words.agg(f.sum("count")).first()[0]
print(f"RESULT {path}: {total} words, {words.count()} different ones")
for row in words.orderBy(f.desc("count"), "word").limit(10).collect():
    print(f"RESULT {row['word']:<10} {row['count']:6}")

spark.stop()
