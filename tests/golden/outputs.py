"""What statements that were recorded on real Livy printed, compared with what
they print here: at the agent (tests/agent, whose tables these are) and
through nginx (tests/spark)."""

import decimal
import fnmatch
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parents[1] / "agent"


def table(name, columns):
    rows = []
    for line in (HERE / name).read_text().splitlines():
        if line and not line.startswith("#"):
            rows.append(line.split("\t"))
            assert len(rows[-1]) == columns, line
    return rows


VOLATILE = table("golden.volatile", 3)
DIFFERENCES = table("golden.differences", 3)
STATEMENTS = json.loads((HERE / "golden.json").read_text(),
                        parse_float=decimal.Decimal)


def masked(name, value):
    if isinstance(value, str):
        for pattern, regex, mask in VOLATILE:
            if fnmatch.fnmatch(name, pattern):
                value = re.sub(regex, mask, value)
        return value
    if isinstance(value, list):
        return [masked(name, v) for v in value]
    if isinstance(value, dict):
        return {k: masked(name, v) for k, v in value.items()}
    if isinstance(value, decimal.Decimal):
        return str(value)       # 1.10 and 1.1 are not the same
    return value


def frames(lines):
    """A Java stack has its callers below: Livy's there, py4j's here. What
    is above Spark's entry is compared, by its first frame."""
    return lines[:1]


def recorded(statement):
    """Livy's output, or what stands in its place."""
    for pattern, output, _ in DIFFERENCES:
        if fnmatch.fnmatch(statement["name"], pattern):
            return json.loads(output, parse_float=decimal.Decimal)
    return statement["output"]


def comparable(name, got, want):
    """Both without what does not count; want is as recorded() gives it."""
    got, want = dict(got), dict(want)
    got.pop("execution_count", None)
    want.pop("execution_count", None)
    if want["status"] == "ok":
        want["data"] = dict({"text/plain": ""}, **want["data"])
    if name.startswith("sql/") and want["status"] == "error":
        want["traceback"] = frames(want["traceback"])
        got["traceback"] = frames(got["traceback"])
    return masked(name, got), masked(name, want)


def read(text):
    """JSON in which 1.10 and 1.1 are not the same."""
    return json.loads(text, parse_float=decimal.Decimal)
