"""A lively installation, for pictures and tests of the status pages."""

import base64
import struct
import zlib

from stub import World, batch, session, statement

LONG_WAIT = "driver pod livy-t-b-41-driver is Pending: Unschedulable: 0/6 " \
    "nodes are available: 6 Insufficient memory. preemption: 0/6 nodes are " \
    "available: 6 No preemption victims found for incoming pod."
PULL = "driver pod livy-t-s-8-driver is Pending: ImagePullBackOff: Back-off " \
    "pulling image \"registry.example/spark:3.5.99\""
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
RTL = "ledger \u202egnp.exe \u05e9\u05dc\u05d5\u05dd"


def png(width=480, height=200):
    """Bars of three colours."""
    rows = b""
    for y in range(height):
        rows += b"\0"
        for x in range(width):
            bar = x // 40
            high = (bar * 37) % 150 + 30
            on = height - y < high and x % 40 > 6
            rows += bytes((52, 110, 190) if on and bar % 3 else
                          (230, 140, 50) if on else (255, 255, 255))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + \
            struct.pack(">I", zlib.crc32(kind + data))
    return base64.b64encode(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(
            ">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
        chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")).decode()


def sql(rows):
    return {"data": {"application/json": {"schema": {
        "type": "struct", "fields": [
            {"name": "day", "type": "date", "nullable": True, "metadata": {}},
            {"name": "shop", "type": "string", "nullable": True,
             "metadata": {}},
            {"name": "turnover", "type": "decimal(18,2)", "nullable": True,
             "metadata": {}},
            {"name": "returns", "type": "long", "nullable": True,
             "metadata": {}}]},
        "data": [[f"2026-11-{1 + i % 28:02d}", f"Shop {i * 7 % 23}",
                  1000.5 + i * 13.25, None if i % 5 == 2 else i * 3]
                 for i in range(rows)]}}}


def statements():
    return [
        statement(0, "df = spark.read.parquet('gs://sales/2026')\n"
                  "df.count()", {"data": {"text/plain": "1048576"}}),
        statement(1, "SELECT day, shop, sum(turnover) AS turnover, "
                  "count(returned) AS returns\nFROM sales GROUP BY day, shop",
                  sql(120)),
        statement(2, "%table top", {"data": {
            "application/vnd.livy.table.v1+json": {
                "headers": [{"name": "customer", "type": "STRING_TYPE"},
                            {"name": "orders", "type": "INT_TYPE"}],
                "data": [["Ægir & Søn", 31], [HOSTILE, 7], [RTL, 3]]}}}),
        statement(3, "totals.plot.bar()\n%matplot plt",
                  {"data": {"image/png": png()}}),
        statement(4, "1/0", {"status": "error", "ename": "ZeroDivisionError",
                             "evalue": "division by zero", "traceback": [
                                 "Traceback (most recent call last):\n",
                                 "ZeroDivisionError: division by zero\n"]}),
        statement(5, "df.groupBy('shop').count().write.parquet("
                  "'gs://sales/by-shop')", None, "running", progress=0.42),
        statement(6, "df.unpersist()", None, "waiting", started=0),
    ]


def world():
    w = World()
    pods = [f"spark-{i:032x}" for i in range(60)]
    w.things["sessions"] = [
        session(3, "idle", name="month-end", appId=pods[3], owner="carl"),
        session(5, "dead", ["driver container failed with ExitCode: 137, "
                            "Reason: OOMKilled"], name="churn-model",
                owner="bob", appId=pods[5]),
        session(7, "busy", name="sales-notebook", appId=pods[7], conf={
            "spark.sql.shuffle.partitions": "64",
            "spark.dynamicAllocation.enabled": "true"},
            appInfo={"driverLogUrl": "https://logs.example/s-7",
                     "sparkUiUrl": "https://spark.example/s-7",
                     "executorLogUrls": None}),
        session(8, "starting", ["submitted by template session", PULL],
                name="first try", owner="dora"),
        session(9, "starting", ["submitted, waiting for the driver pod of "
                                "livy-t-s-9 in namespace spark-jobs"],
                kind="sql", owner="livy"),
        session(10, "idle", kind="spark", name=HOSTILE, owner=RTL),
    ]
    for i in range(42):
        state = "dead" if i in (12, 30) else "running" if i > 38 else \
            "killed" if i == 20 else "success"
        w.things["batches"].append(batch(
            i, state, ["driver container failed with ExitCode: 1, Reason: "
                       "Error"] if state == "dead" else (),
            name=f"nightly-{i}" if i % 3 else None, appId=pods[i],
            owner="airflow" if i % 4 else "ana"))
    w.things["batches"].append(batch(
        42, "starting", [LONG_WAIT], name="year-end-report", owner="ana"))
    w.since = {("sessions", 8): 400_000, ("sessions", 9): 4_000,
               ("batches", 42): 1_900_000, ("sessions", 5): 7_300_000,
               ("batches", 30): 40_000_000, ("batches", 12): 90_000_000}
    w.statements[7] = statements()
    w.logs[("sessions", 7)] = lines(80)
    w.logs[("batches", 41)] = lines(30)
    return w


def lines(n):
    return [f"26/11/28 02:{i // 60:02d}:{i % 60:02d} INFO TaskSetManager: "
            f"Finished task {i}.0 in stage 3.0 (TID {i}) in {37 * i % 900} "
            f"ms on 10.4.1.{i % 9} (executor {i % 3}) ({i + 1}/{n})"
            for i in range(n)]
