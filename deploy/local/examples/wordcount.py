"""Counts the words of a text: wordcount.py FILE."""

import sys

from pyspark.sql import SparkSession, functions as f

path = sys.argv[1]
spark = (SparkSession.builder.appName("wordcount")
         .config("spark.sql.shuffle.partitions", 4).getOrCreate())

rows = (spark.read.text("file://" + path)
        .select(f.explode(f.split(f.lower("value"), "[^a-z]+")).alias("word"))
        .where("word <> ''")
        .groupBy("word").count()
        .orderBy(f.desc("count"), "word")
        .collect())

total = sum(row["count"] for row in rows)
lines = [f"RESULT {path}: {total} words, {len(rows)} different ones"]
lines += [f"RESULT {row['word']:<10} {row['count']:6}" for row in rows[:10]]
# In one write: the log of the JVM goes to the same place.
sys.stdout.write("\n".join(lines) + "\n")

spark.stop()
