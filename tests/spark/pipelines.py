"""The code of pipelines: what Prophecy's editor sends to a session, and what
it builds for a batch."""

PIPELINE = """
from pyspark.sql.functions import col, sum as sum_

def source(spark):
    return spark.createDataFrame(
        [(i, "ab"[i % 2], i * Config.factor) for i in range(1, 101)],
        "id int, customer string, amount int")

def reformat(spark, df):
    return df.filter(col("amount") > 0).groupBy("customer").agg(
        sum_("amount").alias("total")).orderBy("customer")

def pipeline(spark):
    return DataSampleLoaderLib.register("reformat", reformat(
        spark, source(spark)))
"""
RUN = """
spark.conf.set("prophecy.metadata.pipeline.uri", "pipelines/orders")
MetricsCollector.instrument(
    spark=spark, pipelineId="pipelines/orders")(pipeline)
import base64
print(base64.b64encode(
    DataSampleLoaderLib.get_payload("reformat", "job").encode()).decode())
"""
EVENTS = """
import ssl, websocket
from prophecy.executionmetrics.package import ResponsesAsList
from prophecy.jsonrpc.models import (
    InterimResponse, InterimsRequest, NotificationMessage, RequestMessage,
    SparkEventNotification, SuccessResponse)
class Rows:
    def to_dict(self):
        return {"interim": DataSampleLoaderLib.get_payload("reformat", "j")}
ws = websocket.create_connection(
    spark.conf.get("spark.prophecy.execution.service.url"), timeout=100,
    sslopt={"context": ssl.create_default_context(cadata=CA)})
ws.send(NotificationMessage(SparkEventNotification("started")).to_json())
request = RequestMessage.from_json(ws.recv())
assert type(request.method) is InterimsRequest, request
ws.send(SuccessResponse(request.id, InterimResponse(ResponsesAsList(
    [Rows()], limit=1, message=request.method.runId))).to_json())
ws.close()
"""
LAUNCHER = b"""
import argparse, json
from orders import main
p = argparse.ArgumentParser()
p.add_argument("-i", "--config-instance")
p.add_argument("-O", "--override-config")
main(p.parse_args())
"""
ORDERS = """
import json
from pyspark.sql import SparkSession

def main(args):
    from prophecy.utils.utils import MetricsCollector, interimConfig
    spark = SparkSession.builder.enableHiveSupport().appName("orders") \\
        .getOrCreate()
    interimConfig.initialize(spark)
    rows = MetricsCollector.instrument(
        spark=spark, pipelineId="pipelines/orders")(
            lambda spark: spark.range(7).count())
    print("orders", json.dumps([args.config_instance,
                                json.loads(args.override_config), rows]))
"""

INITIAL = """
import org.apache.spark.sql._
import org.apache.spark.sql.functions._
object Initial {
  val started = System.nanoTime
  case class Config(factor: Int)
  def source(spark: SparkSession, config: Config): DataFrame =
    spark.range(1, 11).select(
      (col("id") * lit(config.factor)).as("amount"))
}
"""
