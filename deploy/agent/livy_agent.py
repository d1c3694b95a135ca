#!/usr/bin/env python3
"""The session agent: runs a session's statements inside its Spark driver.

It is the main file of an interactive session's application (client mode, in
the driver container) and needs the standard library and pyspark alone. Two
processes: the agent (HTTP server, statement queue, Scala through py4j, SQL,
cancelling, life cycle) and a Python kernel, a child attached to the same
JVM, so user code that exits, crashes or blocks costs variables and not the
session. protocol.md, next to this file, describes what is said over HTTP and
how the agent is configured.

User code can do anything in this pod; so the agent believes nothing that
comes from the kernel beyond its size, and the token that callers show is
neither in the environment, nor in an argument, nor in the kernel.
"""

import __future__
import argparse
import ast
import base64
import collections
import contextlib
import ctypes
import datetime
import decimal
import fcntl
import functools
import hmac
import http.server
import importlib
import inspect
import io
import json
import keyword
import logging
import math
import os
import re
import select
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import urllib.parse
import urllib.request
import uuid

PROTOCOL = 1
TOKEN_HEADER = "X-Livy-Token"
PROTOCOL_HEADER = "X-Livy-Agent-Protocol"

TEXT = "text/plain"
JSON = "application/json"
TABLE = "application/vnd.livy.table.v1+json"
PNG = "image/png"

KINDS = {"spark": "spark", "scala": "spark", "pyspark": "pyspark",
         "python": "pyspark", "sparkr": "sparkr", "r": "sparkr",
         "sql": "sql", "shared": "shared"}

# name: (default, what it is). A command line option --name-with-dashes and a
# key of the JSON in the file named by --config or in LIVY_AGENT_CONF.
SETTINGS = {
    "kind": ("shared", "what a statement without a kind is"),
    "name": ("", "what the log calls this session"),
    "token_file": ("", "file that holds the token; may appear later"),
    "bind": ("", "address to listen on; default SPARK_DRIVER_BIND_ADDRESS, "
                 "SPARK_LOCAL_IP, 127.0.0.1"),
    "port": (8997, "port to listen on; 0 = any"),
    "ready_file": ("", "gets host:port once the server listens"),
    "idle_timeout": ("0", "ends a session unused for so long; 0 = never"),
    "ttl": ("0", "ends a session so old; 0 = never"),
    "heartbeat_timeout": ("0", "ends a session whose client was not seen for "
                               "so long; 0 = never"),
    "cancel_grace": ("5s", "from a cancel until the interpreter is forced"),
    "linger": ("10s", "how long a failed session can still be asked why"),
    "statement_bytes": (16 << 20, "output kept of one statement"),
    "session_bytes": (64 << 20, "code and output kept of all statements"),
    "statements": (1000, "finished statements kept"),
    "code_bytes": (50 << 20, "longest request body"),
    "upload_bytes": (100 << 20, "largest uploaded file"),
    "fetch_bytes": (1 << 30, "largest file fetched from another machine"),
    "fetch_timeout": ("2m", "longest time to fetch one"),
    "sql_rows": (1000, "rows of a SQL result"),
    "queue": (10000, "statements that may wait to be run"),
    "waiters": (128, "requests that may wait at once"),
    "connections": (512, "connections at once"),
}
DURATIONS = ("idle_timeout", "ttl", "heartbeat_timeout", "cancel_grace",
             "linger", "fetch_timeout")
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600,
         "d": 86400, "": 1e-3}


def log(text, *args):
    """One line in the driver's log, which ends with the JVM."""
    try:
        sys.stderr.write("livy-agent: %s\n" % (text % args if args else text))
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def now_ms():
    return int(time.time() * 1000)


def seconds(text):
    """Livy's time string, or a number of milliseconds."""
    match = re.match(r"([0-9]+)([a-z]*)$", str(text).strip().lower())
    if not match or match.group(2) not in UNITS:
        raise ValueError("invalid time string: %s" % text)
    return int(match.group(1)) * UNITS[match.group(2)]


class Raw(str):
    """Text that is JSON already, for write_json()."""


def utf8(text):
    """Bytes of a text; a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace")


def utf8_size(text):
    return len(text) if text.isascii() else len(utf8(text))


def write_json(value):
    """JSON of any Python value as Livy writes it: decimals keep their
    digits, NaN is null, an infinity a string, dates and times ISO text."""
    if isinstance(value, Raw):
        return value
    if value is None or isinstance(value, (bool, str, int)):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        if math.isfinite(value):
            return repr(float(value))
        return "null" if math.isnan(value) else \
            '"Infinity"' if value > 0 else '"-Infinity"'
    if isinstance(value, decimal.Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, datetime.datetime):
        return '"%s"' % time_text(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return '"%s"' % value.isoformat()
    if isinstance(value, datetime.timedelta):
        return '"%s"' % value
    if isinstance(value, (bytes, bytearray)):
        return "[%s]" % ",".join(map(BYTE_TEXTS.__getitem__, value))
    if isinstance(value, tuple) and hasattr(value, "__fields__"):
        names = value.__fields__
        return "{%s}" % ",".join([
            write_json(str(n)) + ":" + write_json(v)
            for n, v in zip(names, value)])
    if isinstance(value, dict):
        return "{%s}" % ",".join([
            write_json(k if isinstance(k, str) else key_text(k)) + ":" +
            write_json(v) for k, v in value.items()])
    if isinstance(value, (list, tuple)):
        return "[%s]" % ",".join([write_json(v) for v in value])
    return json.dumps(str(value), ensure_ascii=False)


BYTE_TEXTS = [str(byte) for byte in range(256)]


def least_json(value):
    """How long write_json(value) is at least, without making it."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (bytes, bytearray)):
        return 2 * len(value)
    if isinstance(value, dict):
        return sum(map(least_json, value)) + \
            sum(map(least_json, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(least_json, value))
    return 1


def key_text(key):
    """A map's key as the name of a JSON member."""
    text = write_json(key)
    return json.loads(text) if text.startswith('"') else text


def time_text(value):
    """A moment in UTC, whole digits; one without a zone as it is."""
    if getattr(value, "livy_local", False):
        return value.isoformat()
    if value.tzinfo is None:
        value = value.astimezone(datetime.timezone.utc)
    return value.replace(tzinfo=None).isoformat() + "Z"


class LocalTime(datetime.datetime):
    """A timestamp that has no zone."""
    livy_local = True


def finite(value):
    """value with its NaN and infinities as JSON can say them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else \
            "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return value


class TableError(Exception):
    """Rows that are no table."""


def table_columns(rows, type_of):
    """headers {name: type} and rows of values, for %table.

    type_of gives (type, value) of a cell. A column's type is that of its
    first value that is not null; another type is an error."""
    headers = collections.OrderedDict()
    data = []
    for row in rows:
        if isinstance(row, dict):
            cells = row.items()
        elif isinstance(row, (list, tuple)):
            cells = enumerate(row)
        else:
            cells = [(0, row)]
        line = []
        for name, cell in cells:
            kind, cell = type_of(cell)
            had = headers.get(name)
            if had is None or had == "NULL_TYPE":
                headers[name] = kind
            elif kind != "NULL_TYPE" and kind != had:
                raise TableError("table rows have different types")
            line.append(cell)
        data.append(line)
    return headers, data


def ok(data):
    """A statement's good output; clients index text/plain, so it is there
    whatever else is."""
    data.setdefault(TEXT, "")
    return {"status": "ok", "data": data}


def failed(ename, evalue, trace=()):
    return {"status": "error", "ename": ename, "evalue": evalue,
            "traceback": list(trace)}


def too_long(size, limit):
    """What is said of a result that cannot be cut."""
    return "the result has %d bytes, more than the %d a statement may have" \
        % (size, limit)


def cut(text, limit):
    """text within limit bytes; it says when something is missing."""
    if len(text) * 4 <= limit:
        return text
    raw = utf8(text)
    if len(raw) <= limit:
        return text
    return raw[:limit].decode("utf-8", "ignore") + cut_note(
        len(raw) - limit, limit)


def cut_note(missing, limit):
    return ("\n... [%d bytes are missing here: the output of a statement is "
            "kept up to %d bytes]" % (missing, limit))


def send_frame(sock, message):
    try:
        raw = json.dumps(message, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:      # a lone surrogate
        raw = json.dumps(message).encode("ascii")
    sock.sendall(struct.pack("!I", len(raw)) + raw)


def receive_bytes(sock, size):
    parts = []
    while size:
        data = sock.recv(min(size, 1 << 20))
        if not data:
            raise EOFError("closed")
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def receive_frame(sock, limit):
    size = struct.unpack("!I", receive_bytes(sock, 4))[0]
    if size > limit:
        raise ValueError("a message of %d bytes" % size)
    message = json.loads(receive_bytes(sock, size).decode("utf-8"))
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")
    return message


STDIN_NAME = "<stdin>"      # what Livy calls a statement's file
TOP_FRAME = re.compile(r'\s*File "<stdin>".*in <module>')
MAGIC_LINE = re.compile(r"%(\w*)[ \t]*(.*)")


class UnknownMagic(Exception):
    """A line %name whose name is no magic."""


class MagicFailed(Exception):
    """A magic that found its variable wanting: its cause goes to the user
    without a stack of ours."""


class UserStream(io.TextIOWrapper):
    """sys.stdout and sys.stderr. As in Livy, write() gives nothing that a
    statement would echo, and takes bytes too."""

    def __init__(self, fd):
        io.TextIOWrapper.__init__(
            self, open(fd, "wb", closefd=False), encoding="utf-8",
            errors="backslashreplace", line_buffering=True)

    def write(self, text):
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        io.TextIOWrapper.write(self, text)


class Kernel:
    """The child: runs Python statements in its main thread, in a __main__ of
    its own, and answers completion in a second thread."""

    def __init__(self, main, side):
        self.main, self.side = main, side
        self.home = os.getpid()
        self.busy = False
        self.loop = None
        self.flags = 0
        # Copies that user code has no name for: the end mark goes through
        # them whatever became of descriptors 1 and 2.
        self.out = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 100)
        self.err = fcntl.fcntl(2, fcntl.F_DUPFD_CLOEXEC, 100)
        self.user = types.ModuleType("__main__")
        self.user.__dict__["__builtins__"] = __builtins__
        self.names = self.user.__dict__

    def serve(self):
        sys.modules["__main__"] = self.user
        sys.path[0] = ""
        sys.argv = [""]
        sys.stdout = self.stdout = UserStream(1)
        sys.stderr = self.stderr = UserStream(2)
        signal.signal(signal.SIGINT, self.interrupted)
        import pyspark.sql      # the slow part, while the JVM still starts
        pyspark.sql
        threading.Thread(target=self.serve_side, daemon=True).start()
        while True:
            try:
                request = receive_frame(self.main, 1 << 30)
                if "attach" in request:
                    self.attach(request["attach"])
                    reply = {"ready": True,
                             "python": sys.version.split()[0]}
                else:
                    reply = self.run(request)
                send_frame(self.main, reply)
            except KeyboardInterrupt:
                continue
            except EOFError:
                os._exit(0)

    def interrupted(self, signum, frame):
        if self.busy:
            raise KeyboardInterrupt

    def attach(self, want):
        """Makes spark and sc on the JVM that the agent started."""
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession
        gateway = launch_gateway()
        jvm = gateway.jvm
        jspark = default_session(jvm)
        jsc = jvm.org.apache.spark.api.java.JavaSparkContext.fromSparkContext(
            jspark.sparkContext())
        context = SparkContext(gateway=gateway, jsc=jsc,
                               conf=SparkConf(_jconf=jsc.getConf()))
        # It would cancel the jobs of every kind.
        signal.signal(signal.SIGINT, self.interrupted)
        spark = SparkSession(context, jspark)
        logging.getLogger("py4j").setLevel(logging.CRITICAL)
        self.names.update(spark=spark, sc=context)
        for path in want.get("wheels", ()):
            self.include(path)
        self.more_names(context, spark)

    def more_names(self, context, spark):
        """The rest of what Livy's Python statements find."""
        import warnings
        from pyspark import cloudpickle
        self.names["cloudpickle"] = cloudpickle
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from pyspark.sql import HiveContext, SQLContext
                self.names.update(HiveContext=HiveContext,
                                  sqlContext=SQLContext(context, spark))
                from pyspark.streaming import StreamingContext
                self.names["StreamingContext"] = StreamingContext
            except Exception:   # a Spark that no longer has them
                pass

    def include(self, path):
        """A wheel: Spark ships it but puts only zip and egg on the path."""
        from pyspark import SparkContext
        name = os.path.basename(path)
        if path not in sys.path:
            sys.path.insert(1, path)
        context = SparkContext._active_spark_context
        if context is not None and name not in context._python_includes:
            context._python_includes.append(name)

    def run(self, request):
        # What the last statement may have changed.
        os.dup2(self.out, 1)
        os.dup2(self.err, 2)
        signal.signal(signal.SIGINT, self.interrupted)
        try:
            from pyspark import SparkContext
            context = SparkContext._active_spark_context
            if context is not None:
                context.setJobGroup(str(request["id"]),
                                    request["describe"], True)
        except Exception:       # a stopped context: the agent sees it too
            pass
        limit = request["limit"]
        try:
            reply = self.execute(request["code"], limit)
        except KeyboardInterrupt:
            self.busy = False
            reply = failed("KeyboardInterrupt", "", ["KeyboardInterrupt\n"])
        if os.getpid() != self.home:
            self.flush()        # a child that user code forked and forgot
            os._exit(0)
        self.flush()
        mark = request["mark"].encode("ascii")
        os.write(self.out, mark)
        os.write(self.err, mark)
        return self.bounded(reply, limit)

    def flush(self):
        for stream in (sys.stdout, sys.stderr, self.stdout, self.stderr):
            try:
                stream.flush()
            except Exception:   # not a stream, or one of the user's
                pass

    def bounded(self, reply, limit):
        if reply["status"] == "ok":
            size = sum(utf8_size(v) for v in reply["data"].values())
            if size > limit:
                return failed("ValueError", too_long(size, limit))
            return reply
        reply["evalue"] = cut(reply["evalue"], limit // 4)
        reply["traceback"] = [cut(t, limit // 4) for t in reply["traceback"]]
        return reply

    def execute(self, code, limit):
        try:
            nodes = self.parse(code)
        except Exception as err:    # also too deep, or no text at all
            return self.error(type(err), err, None)
        data = None
        try:
            self.busy = True
            for node in nodes:
                data = node()
            self.busy = False
        except UnknownMagic as err:
            self.busy = False
            return self.error(UnknownMagic, err, None)
        except MagicFailed as err:
            self.busy = False
            return self.error(type(err.__cause__), err.__cause__, None)
        except BaseException:
            self.busy = False
            return self.error(*sys.exc_info())
        return {"status": "ok", "data": data or {}}

    def error(self, ename, err, trace):
        """Livy's three parts; frames of ours and the statement's own are
        left out."""
        try:
            lines = traceback.format_exception(ename, err, trace, chain=False)
            for i, line in enumerate(lines):
                if TOP_FRAME.match(line):
                    lines = lines[:1] + lines[i + 1:]
                    break
            ours = '  File "%s"' % __file__
            lines = [line for line in lines if not line.startswith(ours)]
            text = str(err)
        except Exception as why:    # a user's __str__ that fails
            lines, text = [], "no text: %s" % type(why).__name__
        return failed(ename.__name__, text, lines)

    def parse(self, code):
        """The runnable parts of a statement. Magic is looked for only in
        what is not Python as a whole."""
        try:
            return [self.normal(code)]
        except SyntaxError:
            parts, lines = [], []
            for line in code.rstrip().split("\n"):
                if line.startswith("%"):
                    if lines:
                        parts.append(self.normal("\n".join(lines)))
                        lines = []
                    parts.append(functools.partial(self.magic, line))
                else:
                    lines.append(line)
            if lines:
                parts.append(self.normal("\n".join(lines)))
            return parts

    def compile(self, tree, mode):
        made = compile(tree, STDIN_NAME, mode,
                       self.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, True)
        for name in __future__.all_feature_names:
            flag = getattr(__future__, name).compiler_flag
            if made.co_flags & flag:
                self.flags |= flag      # as an interactive Python keeps it
        return made

    def normal(self, code):
        """A part that is Python: its last statement echoes its value."""
        tree = compile(code, STDIN_NAME, "exec", self.flags |
                       ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                       True)
        head = ast.Module(tree.body[:-1], [])
        tail = ast.Interactive(tree.body[-1:])
        made = [self.compile(head, "exec")] if head.body else []
        made += [self.compile(tail, "single")] if tail.body else []

        def go():
            for part in made:
                if part.co_flags & 0x80:    # CO_COROUTINE
                    self.wait(eval(part, self.names))
                else:
                    exec(part, self.names)
        return go

    def wait(self, coroutine):
        """Top-level await, on one loop for the session."""
        import asyncio
        if self.loop is None or self.loop.is_closed():
            self.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self.loop)
        task = self.loop.create_task(coroutine)
        try:
            self.loop.run_until_complete(task)
        except KeyboardInterrupt:
            task.cancel()
            raise

    def magic(self, line):
        name, rest = MAGIC_LINE.match(line).groups()
        if not name:
            raise UnknownMagic("magic command not specified")
        maker = {"json": self.magic_json, "table": self.magic_table,
                 "matplot": self.magic_matplot}.get(name)
        if maker is None:
            raise UnknownMagic("unknown magic command '%s'" % name)
        try:
            return maker(self.names[rest.strip()])
        except KeyboardInterrupt:
            raise
        except Exception as err:
            raise MagicFailed from err

    def magic_json(self, value):
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except ValueError:
            text = json.dumps(finite(value), ensure_ascii=False)
        return {JSON: text}

    def magic_matplot(self, plot):
        image = io.BytesIO()
        plot.gcf().savefig(image, format="png")
        return {PNG: json.dumps(
            base64.b64encode(image.getvalue()).decode("ascii"))}

    def magic_table(self, value):
        rows = value if isinstance(value, (list, tuple)) else [value]
        plain = []
        for row in rows:
            if type(row).__name__ == "Row":
                row = row.asDict()
            if isinstance(row, dict):
                row = dict(sorted(row.items()))
            plain.append(row)
        try:
            headers, data = table_columns(plain, python_cell)
        except TableError as err:
            raise Exception(str(err)) from None
        return {TABLE: json.dumps({
            "headers": [{"name": str(n), "type": headers[n]}
                        for n in sorted(headers)],
            "data": finite(data)}, ensure_ascii=False)}

    def serve_side(self):
        """Completion and new files while a statement runs. The agent's end
        closing means that the agent is gone: so is everything here."""
        jobs = {"complete": self.complete, "include": self.include_all}
        while True:
            try:
                request = receive_frame(self.side, 1 << 30)
            except (EOFError, OSError, ValueError):
                if os.getpid() == self.home:
                    os.killpg(0, signal.SIGKILL)
                os._exit(0)
            try:
                reply = jobs[request["do"]](request)
            except Exception as err:
                reply = {"error": str(err)}
            send_frame(self.side, dict(reply, serial=request["serial"]))

    def include_all(self, request):
        """addPyFile of the kernel's own SparkContext."""
        from pyspark import SparkContext
        path = request["path"]
        context = SparkContext._active_spark_context
        context.addPyFile(path)
        if path.endswith(".whl"):
            from pyspark import SparkFiles
            self.include(os.path.join(SparkFiles.getRootDirectory(),
                                      os.path.basename(path)))
        importlib.invalidate_caches()
        return {}

    def complete(self, request):
        text = request["text"]
        match = re.search(r"((?:[^\W\d]\w*\.)*)((?:[^\W\d]\w*)?)$", text)
        path, start = match.groups()
        if re.search(r"[\w\])}\"']\.$", text[:match.start()]):
            return {"names": []}    # of something that would have to run
        if not path:
            if not start:
                return {"names": []}
            builtin = vars(sys.modules["builtins"])
            names = set(self.names) | set(builtin) | set(keyword.kwlist)
        else:
            first, *rest = path[:-1].split(".")
            if first in self.names:
                value = self.names[first]
            elif first in vars(sys.modules["builtins"]):
                value = getattr(sys.modules["builtins"], first)
            else:
                return {"names": []}
            for name in rest:
                known = inspect.getattr_static(value, name, None)
                if isinstance(known, property) and \
                        type(value).__module__ == "__main__":
                    return {"names": []}    # the user's code would run
                value = getattr(value, name)
            names = set(dir(value))
        return {"names": sorted(
            n for n in names if n.startswith(start) and
            (start.startswith("_") or not n.startswith("_")))}


def python_cell(value):
    """The type that %table gives a value, and how the value is written."""
    if isinstance(value, dict):
        kinds = [(python_cell(v)) for v in value.values()]
        if len({k for k, _ in kinds}) > 1:
            raise ValueError("value has inconsistent types")
        return "MAP_TYPE", {str(n): v for n, (_, v) in zip(value, kinds)}
    if isinstance(value, (list, tuple)):
        kinds = [python_cell(v) for v in value]
        if len({k for k, _ in kinds}) > 1:
            raise ValueError("value has inconsistent types")
        return "ARRAY_TYPE", [v for _, v in kinds]
    kind = {type(None): "NULL_TYPE", bool: "BOOLEAN_TYPE", int: "INT_TYPE",
            float: "DOUBLE_TYPE", datetime.date: "DATE_TYPE",
            datetime.datetime: "TIMESTAMP_TYPE",
            decimal.Decimal: "DECIMAL_TYPE"}.get(type(value), "STRING_TYPE")
    if kind in ("NULL_TYPE", "BOOLEAN_TYPE", "INT_TYPE", "DOUBLE_TYPE"):
        return kind, value
    return kind, str(value)


def default_session(jvm):
    """The JVM's SparkSession; Spark 4 keeps it in another place."""
    for package in (jvm.org.apache.spark.sql.classic,
                    jvm.org.apache.spark.sql):
        try:
            return package.SparkSession.getDefaultSession().get()
        except TypeError:       # a package, not a class
            continue
    raise RuntimeError("the JVM has no SparkSession")


def kernel_main(main_fd, side_fd):
    main = socket.socket(fileno=main_fd)
    side = socket.socket(fileno=side_fd)
    for sock in (main, side):
        sock.set_inheritable(False)
    Kernel(main, side).serve()


class Sink:
    """Reads one pipe that user code writes to. Between begin() and the mark
    that ends a statement the bytes are that statement's, up to a limit; the
    rest goes to the driver's log."""

    def __init__(self, fd):
        self.fd = fd
        self.cond = threading.Condition()
        self.mark = None
        self.closed = False
        self.parts, self.size, self.missing, self.limit = [], 0, 0, 0
        self.tail = b""
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            try:
                data = os.read(self.fd, 1 << 18)
            except OSError:
                data = b""
            with self.cond:
                if not data:
                    self.closed = True
                    self.cond.notify_all()
                    break
                rest = self.take(data)
            if rest:
                to_log(rest)
        os.close(self.fd)

    def take(self, data):
        """Keeps what belongs to the statement; returns what does not."""
        if self.mark is None:
            return data
        data = self.tail + data
        found = data.find(self.mark)
        if found >= 0:
            self.keep(data[:found])
            rest = data[found + len(self.mark):]
            self.mark, self.tail = None, b""
            self.cond.notify_all()
            return rest
        hold = min(len(data), len(self.mark) - 1)
        self.keep(data[:len(data) - hold])
        self.tail = data[len(data) - hold:]
        return b""

    def keep(self, data):
        room = self.limit - self.size
        if len(data) > room:
            self.missing += len(data) - max(room, 0)
            data = data[:max(room, 0)]
        if data:
            self.parts.append(data)
            self.size += len(data)

    def begin(self, mark, limit):
        with self.cond:
            self.mark, self.limit = mark, limit
            self.parts, self.size, self.missing, self.tail = [], 0, 0, b""

    def end(self, wait):
        """The statement's text, once its mark has come; or what there is
        after so many seconds."""
        deadline = time.monotonic() + wait
        with self.cond:
            while self.mark is not None and not self.closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.cond.wait(left)
            if self.mark is not None:
                self.keep(self.tail)
                self.mark, self.tail = None, b""
            raw, missing, limit = b"".join(self.parts), self.missing, \
                self.limit
            self.parts = []
        text = raw.decode("utf-8", "ignore" if missing else "replace")
        return text, cut_note(missing, limit) if missing else ""


def to_log(data):
    """User text that no result has room for."""
    try:
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
    except (OSError, ValueError):
        pass


def new_mark():
    """Ends a statement's text; no NUL, which R has no text for."""
    return b"\x1e" + uuid.uuid4().hex.encode("ascii") + b"\x1e"


class Child:
    """An interpreter in a process of its own, in a group of its own."""

    DIED = "Interpreter died:\n"    # Livy's words

    def __init__(self, language, command, environ, fds):
        """fds: what of ours the process keeps, beside its two pipes."""
        self.language = language
        self.killed = None      # why it was ended from here
        self.told = False       # whether a statement said that it is gone
        out_here, out_there = os.pipe()
        err_here, err_there = os.pipe()
        for fd in (out_there, err_there):
            try:
                fcntl.fcntl(fd, 1031, 1 << 20)      # F_SETPIPE_SZ
            except OSError:
                pass
        environ = {k: v for k, v in environ.items()
                   if not k.startswith("LIVY_AGENT_")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out_there,
            stderr=err_there, pass_fds=fds, env=environ,
            start_new_session=True)
        os.close(out_there)
        os.close(err_there)
        self.out, self.err = Sink(out_here), Sink(err_here)

    def dead(self):
        return self.killed is not None or self.process.poll() is not None

    def end(self, said):
        """Why the process is gone; nothing of it is left after this."""
        self.kill(None)
        self.told = True
        code = self.process.wait()
        if self.killed:
            return self.killed
        if code == -signal.SIGKILL and said not in ("closed", ""):
            how = "sent %s and was ended" % said
        elif code < 0:
            how = "was ended by signal %d (%s)" % (
                -code, signal.Signals(-code).name)
        else:
            how = "exited with status %d" % code
        return "the %s process %s; %s" % (self.language, how, LOST)

    def interrupt(self):
        """SIGINT to the process and to what it started."""
        self.signal(signal.SIGINT)

    def kill(self, why):
        if why:
            self.killed = why
        # The group outlives its leader while children of it run.
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.signal(signal.SIGKILL)

    def signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def close(self):
        self.kill(None)
        self.process.wait()


LOST = "a new one takes over: its variables are lost, views and cached " \
    "data are not\n"


class PyKernel(Child):
    """One Python process for the session's Python statements."""

    def __init__(self, agent):
        self.agent = agent
        self.side_cond = threading.Condition()
        self.serial, self.answers = 0, {}
        self.python = None
        main_here, main_there = socket.socketpair()
        side_here, side_there = socket.socketpair()
        fds = (main_there.fileno(), side_there.fileno())
        Child.__init__(
            self, "Python",
            [sys.executable, os.path.abspath(__file__), "--kernel"] +
            [str(fd) for fd in fds],
            dict({"MPLBACKEND": "Agg"}, **os.environ), fds)
        main_there.close()
        side_there.close()
        self.main, self.side = main_here, side_here
        threading.Thread(target=self.read_side, daemon=True).start()
        threading.Thread(target=self.wait_for_end, daemon=True).start()

    def wait_for_end(self):
        """A child that user code forked has our sockets, too: that nobody
        answers any more shows in the end of the process alone."""
        self.process.wait()
        try:
            self.main.shutdown(socket.SHUT_RDWR)
        except OSError:         # closed already
            pass

    def attach(self):
        """Waits for the JVM's session, then for the kernel to know it."""
        send_frame(self.main, {"attach": {"wheels": self.agent.wheels()}})
        reply = receive_frame(self.main, 1 << 20)
        self.python = str(reply.get("python", ""))[:40]

    def run(self, statement, limit):
        mark = new_mark()
        self.out.begin(mark, limit)
        self.err.begin(mark, limit)
        try:
            send_frame(self.main, {
                "id": statement.id, "code": statement.code,
                "describe": statement.describe(),
                "mark": mark.decode("ascii"), "limit": limit})
            reply = receive_frame(self.main, 2 * limit + (1 << 20))
            reply = self.checked(reply)
        except (EOFError, OSError, ValueError) as err:
            reply = None
            why = self.end(str(err))
        text, note = self.out.end(2)
        more, more_note = self.err.end(2)
        if reply is None:
            return failed("Error", self.DIED + why + cut(more, limit // 4))
        if reply["status"] == "error":
            to_log(utf8(text + more))   # an error has no place for it
            return reply
        room = max(limit - len(utf8(text)) if more else limit, 0)
        plain = text + cut(more, room) if more else text
        # Livy cuts white space at the end.
        reply["data"][TEXT] = json.dumps(
            plain.rstrip() + note + more_note, ensure_ascii=False)
        return ok({k: Raw(v) for k, v in reply["data"].items()})

    @staticmethod
    def checked(reply):
        """What the kernel said, if it looks like a result at all."""
        if reply.get("status") == "ok":
            data = reply.get("data")
            if not isinstance(data, dict) or set(data) - {JSON, TABLE, PNG}:
                raise ValueError("a result that is none")
            for text in data.values():
                json.loads(text)
            return {"status": "ok", "data": data}
        if reply.get("status") != "error":
            raise ValueError("a result that is none")
        return failed(str(reply.get("ename")), str(reply.get("evalue")),
                      [str(line) for line in reply.get("traceback", ())])

    def close(self):
        Child.close(self)
        self.main.close()
        self.side.close()

    def read_side(self):
        """Takes the side thread's answers; a late one has no one waiting."""
        try:
            while True:
                reply = receive_frame(self.side, 16 << 20)
                with self.side_cond:
                    self.answers = {reply.get("serial"): reply}
                    self.side_cond.notify_all()
        except (OSError, EOFError, ValueError):
            pass

    def ask(self, request, wait):
        """A short word with the side thread; None if it has no time."""
        deadline = time.monotonic() + wait
        with self.side_cond:
            # User code in C may keep it from reading: then no one else shall
            # wait for that here.
            poll = select.poll()
            poll.register(self.side, select.POLLOUT)
            if not poll.poll(0):
                return None
            self.serial += 1
            serial = self.serial
            try:
                send_frame(self.side, dict(request, serial=serial))
            except OSError:
                return None
            while serial not in self.answers:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.side_cond.wait(left)
            return self.answers[serial]


R_LOOP = r"""
local({
  from <- file(Sys.getenv("LIVY_FROM"), "rb")
  to <- file(Sys.getenv("LIVY_TO"), "wb")
  image <- Sys.getenv("LIVY_IMAGE")
  Sys.unsetenv(c("LIVY_FROM", "LIVY_TO", "LIVY_IMAGE"))
  options(device = function(...) grDevices::png(image))
  say <- function(status, text) {
    text <- charToRaw(enc2utf8(paste(text, collapse = "\n")))
    writeLines(paste(status, length(text)), to)
    writeBin(text, to)
    flush(to)
  }
  attempt <- function(action) tryCatch({
    action()
    list("ok", "")
  }, interrupt = function(e) list("error", "interrupted"),
  error = function(e) {
    call <- paste(deparse(conditionCall(e)), collapse = "\n")
    ours <- call %in% c("NULL", "eval(part, globalenv())")
    list("error", paste0("Error", if (!ours) paste0(" in ", call), ": ",
      conditionMessage(e)))
  })
  run <- function(code) {
    for (part in parse(text = code, keep.source = FALSE, encoding = "UTF-8")) {
      value <- withVisible(eval(part, globalenv()))
      if (value$visible) print(value$value)
    }
    if (grDevices::dev.cur() > 1) grDevices::graphics.off()
  }
  started <- attempt(function() {
    .libPaths(c(file.path(Sys.getenv("SPARK_HOME"), "R", "lib"), .libPaths()))
    suppressPackageStartupMessages(library(SparkR))
    session <- SparkR::sparkR.session()
    assign("spark", session, globalenv())
  })
  say(started[[1]], started[[2]])
  repeat tryCatch({
    head <- readLines(from, 1)
    if (length(head) == 0) quit("no")
    head <- strsplit(head, " ")[[1]]
    code <- rawToChar(readBin(from, "raw", as.integer(head[3])))
    Encoding(code) <- "UTF-8"
    mark <- paste0("\x1e", head[1], "\x1e")
    try(SparkR::setJobGroup(head[2], paste("Job group for statement",
      head[2]), TRUE), silent = TRUE)
    done <- attempt(function() run(code))
    cat(mark)
    flush(stdout())
    cat(mark, file = stderr())
    say(done[[1]], done[[2]])
  }, interrupt = function(e) NULL)
})
"""


class RKernel(Child):
    """One R process, attached to the session by SparkR's own backend."""

    def __init__(self, spark):
        self.spark = spark
        self.image = os.path.join(spark.home, "plot.png")
        script = os.path.join(spark.home, "loop.R")
        with open(script, "w") as file:
            file.write(R_LOOP)
        backend = spark.jvm.org.apache.spark.api.r.RBackend()
        made = backend.init()
        port, secret = made._1(), made._2().secret()
        threading.Thread(target=self.serve_backend, args=(backend,),
                         daemon=True).start()
        here_in, there_out = os.pipe()
        there_in, here_out = os.pipe()
        Child.__init__(self, "R", ["Rscript", "--vanilla", script], dict(
            os.environ, EXISTING_SPARKR_BACKEND_PORT=str(port),
            SPARKR_BACKEND_AUTH_SECRET=secret,
            SPARK_HOME=spark_home(), LIVY_IMAGE=self.image,
            LIVY_FROM="/dev/fd/%d" % there_in,
            LIVY_TO="/dev/fd/%d" % there_out), (there_in, there_out))
        os.close(there_in)
        os.close(there_out)
        self.input, self.output = open(here_in, "rb"), open(here_out, "wb")
        status, text = self.reply(1 << 20)
        if status != "ok":
            self.close()
            raise EOFError(text)

    @staticmethod
    def serve_backend(backend):
        try:
            backend.run()
        except Exception:       # the JVM ends
            pass

    def reply(self, limit):
        head = self.input.readline(100).decode("utf-8", "replace").split()
        if len(head) != 2 or not head[1].isdigit() or int(head[1]) > limit:
            raise EOFError("closed")
        text = self.input.read(int(head[1]))
        if len(text) < int(head[1]):
            raise EOFError("closed")
        return head[0], text.decode("utf-8", "replace")

    def run(self, statement, limit):
        mark = new_mark()
        self.out.begin(mark, limit)
        self.err.begin(mark, limit)
        code = utf8(statement.code)
        why = None
        try:
            self.output.write(b"%s %d %d\n" % (
                mark.strip(b"\x1e"), statement.id, len(code)))
            self.output.write(code)
            self.output.flush()
            status, said = self.reply(limit)
        except (EOFError, OSError, ValueError) as err:
            why = self.end(str(err))
        text, note = self.out.end(2)
        more, _ = self.err.end(2)
        if why is not None:
            return failed("Error", self.DIED + why + cut(more, limit // 4))
        if status != "ok":
            to_log(utf8(text + more))
            return failed("Error", said)
        data = {TEXT: text.rstrip() + note}
        if os.path.exists(self.image):
            with open(self.image, "rb") as file:
                data[PNG] = base64.b64encode(file.read(limit)).decode("ascii")
            os.unlink(self.image)
        return ok(data)

    def close(self):
        Child.close(self)
        self.input.close()


def spark_home():
    import pyspark
    return os.environ.get("SPARK_HOME") or os.path.dirname(pyspark.__file__)


SCALA_COMMENT = re.compile(r"/\*|\*/")
SCALA_TOKEN = re.compile(r"""
      (?P<comment>//[^\n]*|/\*)
    | (?P<long>[^\W\d]?\w*\"\"\")
    | (?P<string>[^\W\d]\w*"|")
    | (?P<char>'(?:\\u+[0-9a-fA-F]{4}|\\[0-7]{1,3}|\\.|[^'\\\n])')
    | (?P<quoted>`[^`\n]*`)
    | (?P<word>[^\W\d](?:\w*_[!\#%&*+\-/:<=>?@\\^|~]+|[\w$]*)
              |\$[\w$]*|'[^\W\d]\w*)
    | (?P<number>\d[\w.]*(?<!\.))
    | (?P<operator>[!\#%&*+\-/:<=>?@\\^|~]+)
    | (?P<other>[(\[{)\]},;.]|.)
""", re.X)

# What can neither end nor begin a statement (Scala 2 specification, 1.2).
NO_END = set("""abstract case catch class def do else extends final finally
    for forSome if implicit import lazy match new object override package
    private protected sealed super throw trait try val var while with yield
    , . ; : = => <- <: <% >: # @ ( [ {""".split())
NO_BEGIN = set("""catch else extends finally forSome match with yield
    , . ; : = => <- <: <% >: # [ ) ] }""".split())
MODIFIERS = set("""abstract final implicit lazy override private protected
    sealed case""".split())
DEFINING = {"def", "class", "trait", "object", "import", "type"}


def scala_string(code, at, long):
    """Where a string ends whose quotes are before at; -1 if it does not.
    What is in the ${} of one with a prefix is code, with strings of its
    own."""
    quote = '"""' if long else '"'
    prefix = code[max(at - len(quote) - 1, 0):at - len(quote)]
    holes = bool(re.match(r"\w", prefix))
    while at < len(code):
        if code.startswith(quote, at):
            at += len(quote)
            while long and at < len(code) and code[at] == '"':
                at += 1
            return at
        char = code[at]
        if char == "\\" and not long:
            at += 2
        elif char == "\n" and not long:
            return -1
        elif holes and code.startswith("${", at):
            at = scala_hole(code, at + 2)
            if at < 0:
                return -1
        else:
            at += 1
    return -1


def scala_hole(code, at):
    """Where the code in a string's ${} ends; -1 if it does not."""
    depth = 1
    while depth and at >= 0:
        if at >= len(code):
            return -1
        if code[at] == '"':
            long = code.startswith('"""', at)
            at = scala_string(code, at + (3 if long else 1), long)
            continue
        depth += (code[at] == "{") - (code[at] == "}")
        at += 1
    return at


def scala_tokens(code):
    """(start, end, text, is it an operator) of each token but comments. An
    unclosed string or comment is one token up to the end."""
    at = 0
    while at < len(code):
        if code[at].isspace():
            at += 1
            continue
        match = SCALA_TOKEN.match(code, at)
        kind, end = match.lastgroup, match.end()
        if kind == "comment":
            if match.group() == "/*":
                depth = 1
                for mark in SCALA_COMMENT.finditer(code, end):
                    depth += 1 if mark.group() == "/*" else -1
                    if not depth:
                        end = mark.end()
                        break
                else:
                    end = len(code)
            at = end
            continue
        if kind == "operator":
            # A comment may follow an operator without a space.
            cutoff = re.search(r"//|/\*", match.group()[1:])
            if cutoff:
                end = at + 1 + cutoff.start()
        if kind in ("string", "long"):
            end = scala_string(code, end, kind == "long")
            end = len(code) if end < 0 else end
        yield at, end, code[at:end], kind == "operator"
        at = end


def scala_statements(code):
    """Splits code into (text, name of what it defines, or None) at the line
    ends that Scala takes as ends of statements."""
    pieces, start, first, words = [], 0, None, []
    depth, stack, last, joined = 0, [], None, False
    for at, end, text, operator in scala_tokens(code):
        gap = code[last[1]:at] if last else ""
        if last and not depth and "\n" in gap and not joins(
                last, text, gap, first, words, joined):
            pieces.append((code[start:last[1]], words))
            start, first, words = last[1], None, []
        if first is None:
            first = text
        if not depth:
            words.append(text)
        joined = False
        if text in ("(", "[", "{"):
            stack.append(last[2] if last else "")
            depth += 1
        elif text in (")", "]", "}") and stack:
            before = stack.pop()
            depth -= 1
            joined = not depth and (before in ("if", "for") or (
                before == "while" and first != "do"))
        last = (at, end, text, operator)
    if last:
        pieces.append((code[start:last[1]], words))
    return [(text.strip("\n"), defined_name(words))
            for text, words in pieces]


def joins(last, text, gap, first, words, joined):
    """Whether the line end between two tokens ends no statement."""
    if last[2] in NO_END or text in NO_BEGIN or joined:
        return True
    single = gap.count("\n") == 1
    if single and (text == "{" or (last[3] and len(words) > 1)):
        return True
    if first == "do" and text == "while":
        return "while" not in words
    # An annotation alone, with or without arguments.
    return first == "@" and (len(words) == 2 or words[2:] == ["("])


def defined_name(words):
    """What a definition without effects defines; None for other code."""
    at = 0
    while at < len(words):
        if words[at] == "@":
            at += 3 if words[at + 2:at + 3] == ["("] else 2
        elif words[at] in MODIFIERS or words[at] == "[":
            at += 1
        else:
            break
    if at >= len(words) or words[at] not in DEFINING or ";" in words:
        return None
    if words[at] == "import":
        return "import"
    what = "class" if words[at] in ("class", "trait", "type") else words[at]
    return what + " " + words[at + 1] if at + 1 < len(words) else None


def scala_parts(code):
    """What of a statement is interpreted at once: lists of texts. Livy goes
    line by line; here neighbouring definitions go together, which lets them
    know each other (a class and its companion) and saves compiling. A list
    is a magic line if it holds a tuple."""
    parts, lines = [], []

    def flush():
        if not lines:
            return
        group, names = [], set()
        for text, name in scala_statements("\n".join(lines)):
            if group and (name is None or name in names):
                parts.append(group)
                group, names = [], set()
            group.append(text)
            if name is None:
                parts.append(group)
                group = []
            elif name != "import":
                names.add(name)
        if group:
            parts.append(group)
        del lines[:]

    for line in code.strip().split("\n"):
        match = re.match(r"%(\w+)\W*(.*)", line)
        if match:
            flush()
            parts.append([match.groups()])
        else:
            lines.append(line)
    flush()
    return parts


class ScalaRepl:
    """scala.tools.nsc.interpreter.IMain in the driver's JVM, by py4j."""

    # Spark's shell imports these; here in one compile.
    PRELUDE = """
@transient val spark = org.apache.spark.sql.SparkSession.builder().getOrCreate()
@transient val sc = spark.sparkContext
import org.apache.spark.SparkContext._
import spark.implicits._
import spark.sql
import org.apache.spark.sql.functions._
"""
    # What 2.13 adds to most code: advice for a terminal that is not there.
    ADVICE = re.compile(r"^warning: \d+ [a-z ]+ \(since [^\n]*; for details, "
                        r"enable `:setting [^\n]*\n", re.M)
    # The value as JSON, as json4s sees it; for an RDD its first ten.
    SHOW = """
_root_.java.lang.System.setProperty("livy.shown", _root_.scala.util.Try {
  val livyFormats = _root_.org.json4s.DefaultFormats
  val livyValue = ((%s): Any) match {
    case rdd: _root_.org.apache.spark.rdd.RDD[_] => rdd.take(10)
    case other => other
  }
  _root_.org.json4s.jackson.JsonMethods.compact(
    _root_.org.json4s.Extraction.decompose(livyValue)(livyFormats))
}.getOrElse("")); ()
"""

    def __init__(self, spark):
        self.spark = spark
        self.lock = threading.RLock()
        self.intp = self.completer = None
        self.jars = []          # that came while a statement ran
        self.sink = None
        self.thread = None
        self.new = False        # Scala 2.13 and later

    def warm(self):
        """Loads the compiler before anyone waits for it."""
        try:
            self.start()
        except Exception as err:
            log("the Scala interpreter did not start: %s", first_line(err))

    def start(self):
        with self.lock:
            if self.intp is not None:
                return
            jvm = self.spark.jvm
            self.open_sink(jvm)
            loader = jvm.java.lang.Thread.currentThread() \
                .getContextClassLoader()
            # Without it Spark's own threads cannot load what is defined
            # here when they decode a collected row.
            loader.addURL(jvm.java.io.File(self.spark.class_dir)
                          .toURI().toURL())
            settings = jvm.scala.tools.nsc.Settings()
            options = jvm.java.util.ArrayList()
            for text in ("-Yrepl-class-based", "-Yrepl-outdir",
                         self.spark.class_dir):
                options.add(text)
            settings.processArguments(
                jvm.PythonUtils.toSeq(options).toList(), True)
            settings.usejavacp().tryToSetFromPropertyValue("true")
            settings.embeddedDefaults(loader)
            self.new = not jvm.scala.util.Properties.versionNumberString() \
                .startswith("2.12")
            nsc = jvm.scala.tools.nsc.interpreter
            if self.new:
                intp = nsc.IMain(settings, nsc.shell.ReplReporterImpl(
                    settings, self.writer))
                intp.initializeCompiler()
            else:
                intp = nsc.IMain(settings, self.writer)
                intp.initializeSynchronous()
                self.completer = nsc.PresentationCompilerCompleter(intp)
            # Before it has a loader, an interpreter cannot take jars.
            intp.ensureClassLoader()
            intp.classLoader()
            urls = [u for u in loader.getURLs()
                    if not u.toString().endswith("/")]
            if urls:
                self.add_urls(intp, urls)
            self.intp = intp
            self.enter()
            self.thread = None      # not to be interrupted
            self.interpret(self.PRELUDE)

    def open_sink(self, jvm):
        if self.sink is not None:
            return
        path = os.path.join(self.spark.home, "scala.out")
        os.mkfifo(path, 0o600)
        # Reading first and not blocking, or both ends wait for each other.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.stream = jvm.java.io.PrintStream(
            jvm.java.io.FileOutputStream(path), True, "UTF-8")
        fcntl.fcntl(fd, fcntl.F_SETFL, 0)
        os.unlink(path)
        self.writer = jvm.java.io.PrintWriter(jvm.java.io.OutputStreamWriter(
            self.stream, "UTF-8"), True)
        self.sink = Sink(fd)

    def enter(self):
        """Makes the calling thread's JVM thread the one that interprets."""
        jvm = self.spark.jvm
        self.thread = jvm.java.lang.Thread.currentThread()
        self.intp.setContextClassLoader()
        console = getattr(getattr(jvm.scala, "Console$"), "MODULE$")
        console.setOutDirect(self.stream)
        console.setErrDirect(self.stream)

    def add_urls(self, intp, urls):
        jvm = self.spark.jvm
        found = jvm.java.util.ArrayList()
        for url in urls:
            found.add(url)
        intp.addUrlsToClassPath(jvm.PythonUtils.toSeq(found))

    def add_jar(self, url):
        """Now, or before the next statement if one runs."""
        self.jars.append(url)
        if self.lock.acquire(timeout=0.2):
            try:
                self.take_jars()
            finally:
                self.lock.release()

    def take_jars(self):
        jars, self.jars = self.jars, []
        if jars and self.intp is not None:      # else start() finds them
            self.add_urls(self.intp, jars)

    def interpret(self, code, limit=1 << 20):
        """("Success", "Error" or "Incomplete", what was printed)."""
        mark = new_mark()
        self.sink.begin(mark, limit)
        try:
            how = self.intp.interpret(code).toString()
        finally:
            self.writer.flush()
            self.stream.print(mark.decode("ascii"))
            self.stream.flush()
            text, note = self.sink.end(5)
        if self.new:
            text = self.ADVICE.sub("", text)
        return how, text + note

    def run(self, statement, limit):
        while not self.lock.acquire(timeout=0.1):   # the compiler loads
            if statement.cancelling():
                return failed("Error", "cancelled")
        try:
            self.start()
            self.take_jars()
            self.enter()
            return self.run_parts(scala_parts(statement.code), limit,
                                  statement)
        finally:
            self.thread = None
            self.lock.release()

    def run_parts(self, parts, limit, statement):
        texts, data = [], {}
        held = ""
        while parts:
            part = parts.pop(0)
            if statement.cancelling():
                return failed("Error", "cancelled")
            if isinstance(part[0], tuple):
                data = self.magic(part[0], limit)
                if "status" in data:
                    return data
                texts = []
                continue
            code = held + "\n".join(part)
            how, text = self.interpret(code, limit)
            if how == "Incomplete" and parts and \
                    not isinstance(parts[0][0], tuple):
                held = code + "\n"
                continue
            held = ""
            if how == "Error" and len(part) > 1 and \
                    not statement.cancelling():
                # Definitions do nothing: one by one, those before the wrong
                # one stay, as they do in Livy.
                parts[:0] = [[one] for one in part]
                continue
            if how == "Error":
                return self.error(text)
            if how == "Incomplete":
                return failed("Error", "incomplete statement")
            texts.append(text)
            data = {}
            limit = max(limit - len(text), 0)
        plain = "".join(texts)
        if data:
            return ok(data)
        return ok({TEXT: plain})

    @staticmethod
    def error(text):
        """Livy's: the first line is the value. Warnings before it, and the
        code that 2.13 shows above a compile error, come after it."""
        lines = re.findall(r"[^\n]*\n|[^\n]+", text)
        at = [i for i, line in enumerate(lines)
              if not line.startswith("warning: ")] or [0]
        if lines and re.match(r"\s|<console>:", lines[at[0]]):
            at = [i for i in at if re.match(
                r"(<console>:\d+: |\s*)error: ", lines[i])] or at
        value = lines.pop(at[0]).strip() if lines else "unknown error"
        return failed("Error", value, lines)

    def magic(self, asked, limit):
        name, what = asked
        if name not in ("json", "table"):
            return failed("UnknownMagic", "Unknown magic command " + name)
        what = what.strip()
        how, text = self.interpret(self.SHOW % (what or "()"), limit)
        shown = self.spark.jvm.java.lang.System.clearProperty("livy.shown")
        if how != "Success":
            if "not found: value " + what in text:
                return failed("NameError", "Value %s does not exist" % what)
            return self.error(text)
        if not shown:
            return failed("ValueError",
                          "Failed to convert value into a JSON value")
        size = utf8_size(shown)
        if size > limit:
            return failed("ValueError", too_long(size, limit))
        if name == "json":
            return {JSON: Raw(shown)}
        rows = json.loads(shown, parse_float=decimal.Decimal,
                          object_pairs_hook=collections.OrderedDict)
        try:
            headers, data = table_columns(
                rows if isinstance(rows, list) else [rows], scala_cell)
        except TableError as err:
            return failed("TypeError", str(err))
        return {TABLE: Raw(write_json({
            "headers": [{"type": kind, "name": str(key)}
                        for key, kind in headers.items()],
            "data": data}))}

    def interrupt(self):
        thread = self.thread
        if thread is not None:
            thread.interrupt()

    def in_user_code(self):
        """Whether the thread runs what was compiled here. Stopped anywhere
        else it could leave anything half done."""
        thread = self.thread
        return thread is not None and "$line" in \
            self.spark.jvm.scala.Predef.genericWrapArray(
                thread.getStackTrace()).mkString("\n")

    def complete(self, code, cursor, wait):
        """Names that may go at cursor; none while a statement compiles."""
        if not self.lock.acquire(timeout=wait):
            return []
        try:
            if self.intp is None:
                return []
            cursor = min(max(cursor, 0), len(code))
            if self.new:
                found = self.intp.presentationCompile(cursor, code).toOption()
                if found.isEmpty():
                    return []
                result = found.get()
                names = result.candidates(0)._2().mkString("\n")
                result.cleanup()
            else:
                self.completer.resetVerbosity()
                names = self.completer.complete(code, cursor) \
                    .candidates().mkString("\n")
            seen = collections.OrderedDict.fromkeys(names.split("\n"))
            return [n for n in seen if n and not n.startswith("def ")]
        finally:
            self.lock.release()


def scala_cell(value):
    """The type that Livy's Scala %table gives a JSON value."""
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        if len({scala_cell(v)[0] for v in inner}) > 1:
            raise TableError("table rows have different types")
        return ("MAP_TYPE" if isinstance(value, dict)
                else "ARRAY_TYPE"), value
    return {type(None): "NULL_TYPE", bool: "BOOLEAN_TYPE", str: "STRING_TYPE",
            int: "BIGINT_TYPE"}.get(type(value), "DOUBLE_TYPE"), value


class Sql:
    """One SQL statement a time, its rows as JSON."""

    # Types whose values Python has no class for: shown as Spark's text.
    ODD = re.compile(r'"(interval[^"]*|variant|geometry[^"]*|geography[^"]*)"')

    TOO_LONG = "the first %d rows of the result have more than the %d " \
        "bytes that a statement may have"

    def __init__(self, spark, rows):
        self.spark, self.rows = spark, rows

    def run(self, statement, limit):
        try:
            frame = self.spark.jspark.sql(statement.code)
            schema = json.loads(frame.schema().json())
            rows, size = [], 0
            for row in self.take(frame, schema):
                if statement.cancelling():
                    return failed("Error", "cancelled")
                # Before its text is made, which may be as large again.
                if size + least_json(row) <= limit:
                    rows.append(write_json(list(row)))
                    size += utf8_size(rows[-1]) + 1
                    if size <= limit:
                        continue
                return failed("Error", self.TOO_LONG % (
                    len(rows) + (size <= limit), limit))
        except Exception as err:
            # py4j's exceptions have the one, pyspark's own the other.
            for name in ("java_exception", "_origin"):
                if getattr(err, name, None) is not None:
                    return self.error(getattr(err, name))
            return failed("Error", str(err))
        return ok({JSON: Raw(
            '{"schema":{"type":"struct","fields":%s},"data":[%s]}' % (
                json.dumps(schema["fields"], ensure_ascii=False,
                           separators=(",", ":")), ",".join(rows)))})

    def take(self, frame, schema):
        """The rows, one by one as they are asked for."""
        fields = schema["fields"]
        if not fields:
            frame.take(0)
            return []
        odd = [i for i, f in enumerate(fields)
               if self.ODD.search(json.dumps(f["type"]))]
        if odd:
            names = ["c%d" % i for i in range(len(fields))]
            plain = frame.toDF(self.spark.strings(names))
            frame = plain.selectExpr(self.spark.strings(
                ["cast(%s as string) %s" % (n, n) if i in odd else n
                 for i, n in enumerate(names)]))
        rows = self.spark.rows(frame.limit(self.rows))
        zoneless = [i for i, f in enumerate(fields)
                    if f["type"] == "timestamp_ntz"]
        return (without_zone(row, zoneless) for row in rows) if zoneless \
            else rows

    @staticmethod
    def error(thrown):
        """Livy's: the message, and the stack frame by frame."""
        said = thrown.getMessage() or thrown.toString()
        if "OutOfMemoryError" in thrown.toString() and \
                "OutOfMemoryError" not in said:
            said = thrown.toString() + ": the rows of the result need more " \
                "memory than the driver has"
        return failed("Error", said, [
            frame.toString() for frame in thrown.getStackTrace()])


def without_zone(row, columns):
    row = list(row)
    for i in columns:
        if row[i] is not None:
            row[i] = LocalTime(*row[i].timetuple()[:6], row[i].microsecond)
    return row


class Spark:
    """The driver's SparkContext as the agent sees it."""

    def __init__(self, name):
        self.home = tempfile.mkdtemp(prefix="livy-agent-")
        self.class_dir = os.path.join(self.home, "classes")
        os.mkdir(self.class_dir)
        self.name = name
        self.session = self.jvm = self.jsc = self.jspark = None
        self.finished = {}      # job: (done, all) of jobs that are over

    def start(self):
        from pyspark.sql import SparkSession
        builder = SparkSession.builder
        # Read when the context starts: executors load REPL classes from it.
        builder.config("spark.repl.class.outputDir", self.class_dir)
        self.session = builder.getOrCreate()
        context = self.session.sparkContext
        self.jvm = context._jvm
        self.jsc = context._jsc
        self.jspark = self.session._jsparkSession
        logging.getLogger("py4j").setLevel(logging.CRITICAL)
        # If this process is killed, the JVM deletes our folder as it ends.
        try:
            self.jvm.org.apache.spark.util.ShutdownHookManager \
                .registerShutdownDeleteDir(self.jvm.java.io.File(self.home))
        except Exception as err:
            log("the folder would stay: %s", first_line(err))

    def preload(self):
        """What must not be loaded first by a thread that is interrupted: a
        class whose start fails is lost to the JVM, and with it the text of
        every error."""
        try:
            self.jvm.java.lang.Class.forName(
                "org.apache.spark.SparkThrowableHelper$", True,
                self.jvm.java.lang.Thread.currentThread()
                .getContextClassLoader())
        except Exception as err:
            log("preloading: %s", first_line(err))

    def facts(self):
        context = self.session.sparkContext
        return {"applicationId": context.applicationId,
                "sparkUiUrl": context.uiWebUrl,
                "sparkVersion": context.version,
                "scalaVersion":
                    self.jvm.scala.util.Properties.versionNumberString(),
                "javaVersion":
                    self.jvm.java.lang.System.getProperty("java.version")}

    def java_major(self):
        text = self.jvm.java.lang.System.getProperty(
            "java.specification.version")
        return int(text[2:] if text.startswith("1.") else text)

    def strings(self, texts):
        found = self.jvm.java.util.ArrayList()
        for text in texts:
            found.add(text)
        return self.jvm.PythonUtils.toSeq(found)

    @staticmethod
    def rows(frame):
        """What DataFrame.collect() gives, but not all at once: the JVM sends
        no more than is read."""
        from pyspark.serializers import BatchedSerializer, CPickleSerializer
        for module in ("pyspark.util", "pyspark.rdd"):      # Spark 4 and 3
            load = getattr(importlib.import_module(module),
                           "_load_from_socket", None)
            if load is not None:
                return load(frame.collectToPython(),
                            BatchedSerializer(CPickleSerializer()))
        raise RuntimeError("a pyspark that reads rows in another way")

    def set_group(self, statement):
        """Also forgets an interruption that came too late."""
        self.jvm.java.lang.Thread.interrupted()
        self.jsc.setJobGroup(str(statement.id), statement.describe(), True)

    def cancel_group(self, number):
        self.jsc.sc().cancelJobGroup(str(number))

    def jobs(self, number):
        return list(self.jsc.statusTracker().getJobIdsForGroup(str(number)))

    def has_active_jobs(self, number):
        active = set(self.jsc.statusTracker().getActiveJobIds())
        return bool(active) and bool(active & set(self.jobs(number)))

    def progress(self, number):
        """Done tasks by all tasks of a statement's newest jobs."""
        tracker = self.jsc.statusTracker()
        jobs = sorted(self.jobs(number))[-64:]
        self.finished = {j: c for j, c in self.finished.items() if j in jobs}
        done = total = 0
        for job in jobs:
            counts = self.finished.get(job)
            if counts is None:
                counts, over = self.job_tasks(tracker, job)
                if over:
                    self.finished[job] = counts
            done, total = done + counts[0], total + counts[1]
        return min(done / total, 1.0) if total else 0.0

    def job_tasks(self, tracker, job):
        info = tracker.getJobInfo(job)
        if info is None:
            return (0, 0), True
        done = total = 0
        for stage in list(info.stageIds()):
            found = tracker.getStageInfo(stage)
            if found is not None:
                done += found.numCompletedTasks()
                total += found.numTasks()
        return (done, total), info.status().toString() != "RUNNING"

    def stopped(self):
        return self.jsc is not None and self.jsc.sc().isStopped()

    def stop(self):
        if self.session is not None:
            self.session.stop()

    def clean(self):
        shutil.rmtree(self.home, ignore_errors=True)


def first_line(err):
    """An exception in a line; of Java's what Java said."""
    lines = str(err).strip().split("\n")
    told = " ".join(lines[:2 if hasattr(err, "java_exception") else 1])
    return "%s: %s" % (type(err).__name__, told[:300])


OVER = ("available", "cancelled")


class Refused(Exception):
    """A request that is not served: an HTTP status and why."""

    def __init__(self, status, text, **more):
        Exception.__init__(self, text)
        self.status, self.body = status, dict(more, error=text)


class Statement:
    def __init__(self, number, code, kind):
        self.id, self.code, self.kind = number, code, kind
        self.state, self.output, self.progress = "waiting", None, 0.0
        self.started = self.completed = 0
        self.version = 0
        self.head = json.dumps(code, ensure_ascii=False)
        self.size = len(self.head)

    def describe(self):
        return "Job group for statement %d" % self.id

    def cancelling(self):
        return self.state == "cancelling"

    def over(self):
        return self.state in OVER

    def finish(self, state, output):
        self.state, self.progress = state, 1.0
        self.completed = now_ms()
        if output is not None:
            self.output = output
            self.size += len(output)

    def view(self, most=None):
        """Livy's seven fields. An output longer than most is left out."""
        output = self.output
        if output is None or (most is not None and len(output) > most):
            output = b"null"
        return b"".join((
            b'{"id":%d,"code":' % self.id, utf8(self.head),
            b',"state":"%s","output":' % self.state.encode("ascii"), output,
            b',"progress":%s,"started":%d,"completed":%d}' % (
                repr(self.progress).encode("ascii"), self.started,
                self.completed)))

    def summary(self, most, left):
        """What /v1/state says of it, with its code and its output if each
        has at most so many bytes and there is so much room left; and the
        room that is left then."""
        text = utf8(json.dumps({
            "id": self.id, "version": self.version, "state": self.state,
            "progress": self.progress, "started": self.started,
            "completed": self.completed, "kind": self.kind,
            "outputBytes": len(self.output) if self.output else 0}))[:-1]
        for name, part in ((b"code", utf8(self.head)),
                           (b"output", self.output)):
            if part and len(part) <= min(most, left):
                left -= len(part)
                text += b',"%s":%s' % (name, part)
        return text + b"}", left


def render_output(number, output):
    if output["status"] == "ok":
        data = ",".join([
            '"%s":%s' % (mime, text if isinstance(text, Raw)
                         else json.dumps(text, ensure_ascii=False))
            for mime, text in output["data"].items()])
        text = '{"status":"ok","execution_count":%d,"data":{%s}}' % (
            number, data)
    else:
        text = ('{"status":"error","execution_count":%d,"ename":%s,'
                '"evalue":%s,"traceback":%s}' % (
                    number, json.dumps(output["ename"]),
                    json.dumps(output["evalue"], ensure_ascii=False),
                    json.dumps(output["traceback"], ensure_ascii=False,
                               separators=(",", ":"))))
    return utf8(text)


def bounded_output(number, output, limit):
    """Its JSON. What only escapes make long, control bytes for one, would
    be too long to be passed on."""
    text = render_output(number, output)
    most = limit * 5 // 2
    if len(text) <= most:
        return text
    return render_output(number, failed(
        "Error", "the output has %d bytes of JSON, more than the %d a "
        "statement may have" % (len(text), most)))


class Store:
    """All statements, and the session's state: what changes raises the
    version, and whoever waits for that is woken."""

    def __init__(self, conf):
        self.conf = conf
        self.cond = threading.Condition()
        self.version = 0
        self.state, self.reason = "starting", None
        self.statements = collections.OrderedDict()
        self.waiting = collections.deque()
        self.running = None
        self.requests = collections.OrderedDict()   # request id: statement id
        self.next, self.size, self.queued = 0, 0, 0
        self.used = self.seen = time.monotonic()    # the two clocks of life
        self.waiters = 0

    def changed(self, statement=None):
        """Call with the lock held."""
        self.version += 1
        if statement is not None:
            statement.version = self.version
        self.cond.notify_all()

    def set_state(self, state, reason=None):
        """A final state stays; the first reason stays."""
        with self.cond:
            if self.state in ("dead", "error", "shutting_down") and \
                    state not in ("dead", "shutting_down"):
                return
            self.state = state
            self.reason = self.reason or reason
            if state not in ("idle", "busy", "starting"):
                for statement in list(self.waiting):
                    self.drop_waiting(statement)
            self.changed()

    def drop_waiting(self, statement):
        self.waiting.remove(statement)
        self.queued -= statement.size
        statement.finish("cancelled", None)
        self.changed(statement)

    def repeated(self, number, code, kind):
        """The statement that a request made when it came first."""
        statement = self.statements.get(number)
        if statement is None:
            raise Refused(410, "the statement of this request is no longer "
                          "kept", id=number)
        if (statement.code, statement.kind) != (code, kind):
            raise Refused(422, "this request id was sent before with other "
                          "code, as statement %d" % number, id=number)
        return statement

    def add(self, code, kind, request):
        """A new statement; a repeated request gets the one it made."""
        with self.cond:
            if request is not None and request in self.requests:
                return self.repeated(self.requests[request], code,
                                     kind), False
            if self.state not in ("idle", "busy"):
                raise Refused(409, "Session is in state %s" % self.state,
                              state=self.state)
            statement = Statement(self.next, code, kind)
            if len(self.waiting) >= self.conf["queue"] or self.waiting and \
                    self.queued + statement.size > self.conf["session_bytes"]:
                raise Refused(429, "too many statements are waiting")
            self.next += 1
            self.statements[statement.id] = statement
            self.size += statement.size
            self.queued += statement.size
            self.waiting.append(statement)
            if request is not None:
                self.requests[request] = statement.id
                if len(self.requests) > 10000:
                    self.requests.popitem(last=False)
            self.used = time.monotonic()
            self.state = "busy"
            self.changed(statement)
            return statement, True

    def take(self):
        """The next statement to run; waits for one."""
        with self.cond:
            while not self.waiting:
                if self.state == "busy":
                    self.state = "idle"
                    self.used = time.monotonic()
                    self.changed()
                self.cond.wait()
            statement = self.running = self.waiting.popleft()
            self.queued -= statement.size
            statement.state, statement.started = "running", now_ms()
            self.changed(statement)
            return statement

    def finish(self, statement, output):
        output = bounded_output(statement.id, output,
                                self.conf["statement_bytes"])
        with self.cond:
            if statement.over():
                return          # given up before
            before = statement.size
            statement.finish("cancelled" if statement.cancelling()
                             else "available", output)
            self.size += statement.size - before
            if self.running is statement:
                self.running = None
            self.evict(statement)
            self.changed(statement)

    def evict(self, newest):
        """Drops the oldest that are over, past the bounds; what waits does
        not push results out."""
        many = len(self.statements) - len(self.waiting) - \
            (self.running is not None) - self.conf["statements"]
        for number, statement in list(self.statements.items()):
            if self.size - self.queued <= self.conf["session_bytes"] and \
                    many <= 0:
                break
            if statement.over() and statement is not newest:
                del self.statements[number]
                self.size -= statement.size
                many -= 1

    def get(self, number):
        statement = self.statements.get(number)
        if statement is None:
            raise Refused(404, "Statement not found")
        return statement

    def cancel(self, number):
        """The statement if it runs and someone has to stop it."""
        with self.cond:
            self.used = time.monotonic()
            statement = self.statements.get(number)
            if statement is None or statement.over() or \
                    statement.cancelling():
                return None
            if statement in self.waiting:
                self.drop_waiting(statement)
                return None
            statement.state = "cancelling"
            self.changed(statement)
            return statement

    def wait(self, ready, wait, gone):
        """Waits until ready() or for so many seconds; a client that is gone
        does not hold its place for longer than a second."""
        deadline = time.monotonic() + wait
        with self.cond:
            if ready() or wait <= 0:
                return
            if self.waiters >= self.conf["waiters"]:
                raise Refused(429, "too many requests are waiting")
            self.waiters += 1
            try:
                while not ready():
                    left = deadline - time.monotonic()
                    if left <= 0:
                        break
                    if not self.cond.wait(min(left, 1)) and gone():
                        raise ConnectionError("the client is gone")
            finally:
                self.waiters -= 1


class Agent:
    """The session: runs what the store holds, and ends when it should."""

    def __init__(self, conf):
        self.conf = conf
        self.store = Store(conf)
        self.spark = Spark(conf["name"])
        self.scala = ScalaRepl(self.spark)
        self.sql = Sql(self.spark, conf["sql_rows"])
        self.kernel = self.r = None
        self.kernel_lock = threading.Lock()
        self.turn = threading.Lock()    # held where a statement ends, or is
        # forced to: what is meant for it does not hit the next one
        self.kernel_ready = threading.Event()
        self.py_files = []      # added to every kernel
        self.born = time.monotonic()
        self.instance = uuid.uuid4().hex
        self.facts = {}
        self.runner = 0         # which thread runs statements
        self.ending = threading.Event()
        self.status = 1         # the process's exit status

    def start(self):
        """Everything up to idle. In the main thread: signals, Spark."""
        if self.conf["kind"] in ("pyspark", "shared"):
            self.make_kernel()  # imports while the JVM makes its context
        self.spark.start()
        self.facts = self.spark.facts()
        if self.kernel is not None and not self.attach(self.kernel):
            raise RuntimeError("the Python process did not start")
        self.start_runner()
        with self.store.cond:
            self.store.used = self.store.seen = time.monotonic()
        self.store.set_state("idle")
        log("session %s is ready after %.1f s: Spark %s",
            self.conf["name"] or self.facts["applicationId"],
            time.monotonic() - self.born, self.facts["sparkVersion"])
        threading.Thread(target=self.spark.preload, daemon=True).start()
        if self.conf["kind"] in ("spark", "shared"):
            threading.Thread(target=self.warm_scala, daemon=True).start()
        threading.Thread(target=self.tell_progress, daemon=True).start()

    def warm_scala(self):
        """Loads the compiler; in a shared session not while a statement
        needs the processor."""
        for _ in range(100):
            if self.conf["kind"] == "spark" or (
                    self.store.state == "idle" and
                    time.monotonic() - self.store.used > 0.3):
                break
            if self.ending.wait(0.2):
                return
        self.scala.warm()

    def start_runner(self):
        self.runner += 1
        threading.Thread(target=self.run_statements, args=(self.runner,),
                         daemon=True).start()

    def make_kernel(self):
        self.kernel_ready.clear()
        self.kernel = PyKernel(self)
        return self.kernel

    def attach(self, kernel):
        """Makes a kernel ready. One that cannot be is ended, which the next
        statement tells."""
        try:
            kernel.attach()
            self.facts["pythonVersion"] = kernel.python
            for path in list(self.py_files):
                kernel.ask({"do": "include", "path": path}, 10)
            return True
        except (EOFError, OSError, ValueError) as err:
            log("no Python process: %s", first_line(err))
            kernel.kill("the Python process did not start; " + LOST)
            return False
        finally:
            self.kernel_ready.set()

    def wheels(self):
        """Wheels that spark-submit was given: on the path of no Python
        worker unless someone puts them there."""
        conf = self.spark.jsc.sc().conf()
        return [p for p in conf.get("spark.submit.pyFiles", "").split(",")
                if p.endswith(".whl")]

    def run_statements(self, me):
        while True:
            statement = self.store.take()
            try:
                output = self.run(statement)
            except Exception as err:
                log("statement %d: %s", statement.id, first_line(err))
                output = failed("Error", "Internal Error: %s"
                                % first_line(err))
            with self.turn:
                self.store.finish(statement, output)
            if self.runner != me:
                return          # given up meanwhile; another one runs
            self.look_at_spark()

    def look_at_spark(self):
        """A statement may have stopped Spark: then the session is over."""
        try:
            stopped = self.spark.stopped()
        except Exception:
            stopped = True
        if stopped and not self.ending.is_set():
            self.fail("dead", "the SparkContext was stopped")

    def run(self, statement):
        limit = self.conf["statement_bytes"]
        if statement.kind == "pyspark":
            return self.run_python(statement, limit)
        if statement.kind == "sparkr":
            return self.run_r(statement, limit)
        self.spark.set_group(statement)
        if statement.kind == "sql":
            self.scala.thread = \
                self.spark.jvm.java.lang.Thread.currentThread()
            try:
                return self.sql.run(statement, limit)
            finally:
                self.scala.thread = None
        return self.scala.run(statement, limit)

    def run_python(self, statement, limit):
        with self.kernel_lock:
            kernel = self.kernel
            if kernel is None:
                kernel = self.make_kernel()
                self.attach(kernel)
        self.kernel_ready.wait()
        if statement.cancelling():
            output = failed("Error", "cancelled")
        elif kernel.dead():
            # Ended between two statements: not to be passed over.
            output = failed("Error", kernel.DIED + kernel.end(""))
        else:
            output = kernel.run(statement, limit)
        if kernel.dead():
            with self.kernel_lock:
                kernel.close()
                self.make_kernel()
            threading.Thread(target=self.attach_late, daemon=True).start()
        return output

    def run_r(self, statement, limit):
        try:
            if not shutil.which("Rscript"):
                raise EOFError("this image has no R")
            if self.r is not None and self.r.dead():
                old, self.r = self.r, None
                told, why = old.told, old.end("")
                old.close()
                if not told:
                    return failed("Error", old.DIED + why)
            if self.r is None:
                self.r = RKernel(self.spark)
        except (EOFError, OSError) as err:
            # Livy's words, and then why.
            return failed("InterpreterError", "Fail to start interpreter",
                          ["kind sparkr: %s\n" % err])
        return self.r.run(statement, limit)

    def attach_late(self):
        """Makes the next Python process ready before it is needed."""
        with self.kernel_lock:
            self.attach(self.kernel)

    def tell_progress(self):
        """Progress of what runs, twice a second."""
        while not self.ending.wait(0.5):
            statement = self.store.running
            if statement is None or statement.state != "running" or \
                    now_ms() - statement.started < 400:
                continue
            try:
                progress = self.spark.progress(statement.id)
            except Exception:
                continue
            with self.store.cond:
                if statement.state == "running" and \
                        statement.progress != progress:
                    statement.progress = progress
                    self.store.changed(statement)

    def cancel(self, number):
        statement = self.store.cancel(number)
        if statement is not None:
            threading.Thread(target=self.stop_statement, args=(statement,),
                             daemon=True).start()

    def interrupt(self):
        """Cancels all that waits or runs; the session goes on."""
        with self.store.cond:
            numbers = [s.id for s in self.store.waiting]
            if self.store.running is not None:
                numbers.append(self.store.running.id)
        for number in numbers:
            self.cancel(number)
        return len(numbers)

    def stop_statement(self, statement):
        """Until it is over: its jobs, then the interpreter, then by force.
        The jobs first and alone for a moment, because their end is the
        better message."""
        began = time.monotonic()
        alone = 0.0
        if self.cancel_jobs(statement):
            alone = 1.5 if statement.kind == "sql" else 0.4
        next_word = 0.0
        while not self.over_within(statement, 0.1 if alone else 0.0):
            age = time.monotonic() - began
            if age > self.conf["cancel_grace"]:
                self.force(statement, self.interpreter(statement))
                return
            if age >= max(alone, next_word):
                one = self.interpreter(statement)
                next_word = age + (0.5 if one is self.scala else 1.0)
                self.interrupt_it(statement, one)
            if self.over_within(statement, 0.1):
                return
            self.cancel_jobs(statement)

    def interrupt_it(self, statement, one):
        try:
            with self.turn:
                if one is not None and not statement.over():
                    one.interrupt()
        except Exception as err:
            log("interrupt: %s", first_line(err))

    def interpreter(self, statement):
        """What runs it; None while that is still being made."""
        return {"pyspark": self.kernel, "sparkr": self.r}.get(
            statement.kind, self.scala)

    def cancel_jobs(self, statement):
        """Whether there were any."""
        try:
            active = self.spark.has_active_jobs(statement.id)
            self.spark.cancel_group(statement.id)
            return active
        except Exception as err:
            log("cancelling jobs: %s", first_line(err))
            return False

    def over_within(self, statement, wait):
        deadline = time.monotonic() + wait
        with self.store.cond:
            while not statement.over():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self.store.cond.wait(left)
            return True

    def force(self, statement, one):
        grace = self.conf["cancel_grace"]
        if isinstance(one, Child):
            with self.turn:
                if not statement.over():
                    one.kill("the %s process did not react to the "
                             "cancellation within %g s and was ended; %s" % (
                                 one.language, grace, LOST))
            return
        # Spark's own work and the compiler's end by themselves: patience.
        stops, patient = 3, time.monotonic() + 60
        while not self.over_within(statement, 1):
            if time.monotonic() > patient:
                break
            try:
                with self.turn:
                    if statement.over() or not self.scala.in_user_code():
                        continue
                    if not stops or self.spark.java_major() >= 20:
                        break
                    stops -= 1
                    self.scala.thread.stop()
            except Exception as err:
                log("stopping the thread: %s", first_line(err))
        else:
            return
        why = "statement %d did not react to its cancellation within %g s " \
            "and %s cannot end it: the session is lost" % (
                statement.id, grace,
                "this Java" if self.spark.java_major() >= 20 else "Java")
        self.runner += 1
        self.store.finish(statement, failed("Error", why))
        self.fail("error", why)

    def add(self, what, uri):
        """Livy's add-jar, add-pyfile and add-file, at run time."""
        if not uri:
            raise Refused(400, "no uri")
        parts = urllib.parse.urlsplit(uri)
        if parts.scheme in ("", "file", "local"):
            path = urllib.parse.unquote(parts.path)
            if not os.path.exists(path):
                raise Refused(400, "java.io.FileNotFoundException: %s" % uri)
            self.take_file(what, path)
            return
        folder = self.new_folder()
        path = os.path.join(folder, os.path.basename(parts.path) or "file")
        copy = self.copy_from_web if parts.scheme in ("http", "https") \
            else self.copy_from_hadoop
        with kept_if_good(folder):
            self.fetch(uri, folder, lambda late: copy(uri, path, late))
            self.take_file(what, path)

    def fetch(self, uri, folder, copy):
        """Runs copy(), but for no longer than it may take."""
        late, failures = threading.Event(), []

        def work():
            try:
                copy(late)
            except Exception as err:
                failures.append(err)
            if late.is_set():
                shutil.rmtree(folder, ignore_errors=True)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self.conf["fetch_timeout"])
        if thread.is_alive():
            late.set()
            raise Refused(400, "cannot fetch %s: it takes longer than %g s"
                          % (uri, self.conf["fetch_timeout"]))
        if not failures:
            return
        if isinstance(failures[0], Refused):
            raise failures[0]
        raise Refused(400, "cannot fetch %s: %s" % (
            uri, first_line(failures[0])))

    def check_size(self, uri, size):
        if size > self.conf["fetch_bytes"]:
            raise Refused(413, "cannot fetch %s: it has more than %d bytes"
                          % (uri, self.conf["fetch_bytes"]))

    def copy_from_web(self, uri, path, late):
        size = 0
        with urllib.request.urlopen(uri, timeout=60) as source, \
                open(path, "wb") as target:
            self.check_size(uri, source.length or 0)
            while not late.is_set():
                data = source.read(1 << 16)
                if not data:
                    break
                size += len(data)
                self.check_size(uri, size)
                target.write(data)
            if source.length:
                raise EOFError("the file ended early")

    def copy_from_hadoop(self, uri, path, late):
        jvm = self.spark.jvm
        source = jvm.org.apache.hadoop.fs.Path(uri)
        files = source.getFileSystem(self.spark.jsc.hadoopConfiguration())
        self.check_size(uri, files.getContentSummary(source).getLength())
        if not late.is_set():
            files.copyToLocalFile(
                source, jvm.org.apache.hadoop.fs.Path("file://" + path))

    def new_folder(self):
        return tempfile.mkdtemp(prefix="files-", dir=self.spark.home)

    def take_file(self, what, path):
        self.store.used = time.monotonic()
        name = os.path.basename(path)
        if self.spark.jsc is None or self.store.state not in ("idle", "busy"):
            raise Refused(409, "Session is in state %s" % self.store.state,
                          state=self.store.state)
        if what == "jar":
            self.take_jar(path)
            return
        root = self.spark.jvm.org.apache.spark.SparkFiles.getRootDirectory()
        had = os.path.join(root, name)
        if os.path.exists(had):
            if same_content(had, path):
                return
            # Every later task of executors that have the first would fail.
            raise Refused(400, "a file %s with other content was added "
                          "before" % name)
        self.spark.jsc.sc().addFile(path)
        if what == "pyfile":
            self.py_files.append(path)
            if self.kernel is not None and self.kernel_ready.is_set():
                reply = self.kernel.ask({"do": "include", "path": path}, 10)
                if reply is None or "error" in reply:
                    raise Refused(500, "the Python process has not taken %s: "
                                  "%s" % (name, (reply or {}).get(
                                      "error", "it does not answer")))

    def take_jar(self, path):
        jvm = self.spark.jvm
        self.spark.jsc.addJar(path)
        url = jvm.java.io.File(path).toURI().toURL()
        jvm.java.lang.Thread.currentThread().getContextClassLoader() \
            .addURL(url)
        self.scala.add_jar(url)

    def complete(self, code, kind, cursor):
        self.store.used = time.monotonic()
        if kind == "spark":
            return self.scala.complete(code, cursor, 2)
        if kind == "pyspark" and self.kernel is not None and \
                self.kernel_ready.is_set():
            text = code[:cursor] if 0 <= cursor <= len(code) else code
            reply = self.kernel.ask({"do": "complete",
                                     "text": text[-10000:]}, 2) or {}
            names = reply.get("names", [])
            return [str(n) for n in names] if isinstance(names, list) else []
        return []

    def view(self):
        store = self.store
        now = time.monotonic()
        return dict(
            self.facts, protocol=PROTOCOL, instance=self.instance,
            version=store.version, state=store.state, reason=store.reason,
            kind=self.conf["kind"], name=self.conf["name"],
            heartbeatMs=int(self.conf["heartbeat_timeout"] * 1000),
            total=len(store.statements), next=store.next,
            waiting=len(store.waiting),
            running=store.running.id if store.running else None,
            ageMs=int((now - self.born) * 1000),
            idleMs=0 if store.state == "busy" else
            int((now - store.used) * 1000))

    def saw_client(self, ago_ms, active):
        """A client was seen so long ago, by a gateway."""
        when = time.monotonic() - max(ago_ms, 0) / 1000
        with self.store.cond:
            self.store.seen = max(self.store.seen, when)
            if active:
                self.store.used = max(self.store.used, when)

    def too_old(self):
        """Why the session should end now, if it should."""
        store, conf, now = self.store, self.conf, time.monotonic()
        with store.cond:
            if store.state not in ("idle", "busy"):
                return None
            beat = conf["heartbeat_timeout"]
            if beat and now - store.seen > beat:
                return "no heartbeat for %g s" % beat
            if store.state == "busy":
                return None
            if conf["idle_timeout"] and \
                    now - store.used > conf["idle_timeout"]:
                return "idle for %g s" % conf["idle_timeout"]
            if conf["ttl"] and now - self.born > conf["ttl"]:
                return "older than its ttl of %g s" % conf["ttl"]
        return None

    def live(self, parent):
        """The main thread until the session ends."""
        while not self.ending.wait(0.25):
            if os.getppid() != parent:
                log("the JVM is gone")
                self.leave_at_once()
            with self.store.cond:       # no statement comes in between
                why = self.too_old()
                if why:
                    self.close(why)
            if why:
                log("ending the session: %s", why)

    def close(self, why):
        """Ends the session well."""
        self.store.set_state("shutting_down", why)
        self.status = 0
        self.ending.set()

    def fail(self, state, why):
        """Ends the session badly, once there was time to ask why."""
        log("the session failed: %s", why)
        self.store.set_state(state, why)
        self.status = 1
        threading.Timer(self.conf["linger"], self.ending.set).start()

    def leave_at_once(self):
        for child in (self.kernel, self.r):
            if child is not None:
                child.kill("the session ends")
        self.spark.clean()
        os._exit(1)

    def leave(self, parent):
        """Stops all there is; does not wait for what does not stop."""
        timer = threading.Timer(20, os._exit, (self.status,))
        timer.daemon = True
        timer.start()
        for child in (self.kernel, self.r):
            if child is not None:
                child.kill("the session ends")
        threading.Thread(target=self.watch, args=(parent,),
                         daemon=True).start()
        try:
            self.spark.stop()
        except BaseException as err:
            log("stopping Spark: %s", first_line(err))
        self.spark.clean()
        log("the session is closed, status %d", self.status)
        if self.status == 0 and self.spark.jvm is not None:
            # Threads that user code left in the JVM would keep it.
            try:
                self.spark.jvm.java.lang.System.exit(0)
            except BaseException:
                pass
        os._exit(self.status)

    def watch(self, parent):
        while os.getppid() == parent:
            time.sleep(0.1)
        os._exit(self.status)


@contextlib.contextmanager
def kept_if_good(folder):
    """Removes a folder whose use fails."""
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def same_content(one, other):
    import filecmp
    return filecmp.cmp(one, other, shallow=False)


class Token:
    """The secret that callers show. Its file may come late, and change."""

    def __init__(self, path):
        self.path, self.value, self.looked = path, b"", 0.0
        self.lock = threading.Lock()

    def fits(self, shown):
        shown = shown.encode("utf-8", "replace")
        if self.value and hmac.compare_digest(shown, self.value):
            return True
        return self.look() and hmac.compare_digest(shown, self.value)

    def look(self):
        """Whether the file says something new; asked at most twice a
        second."""
        with self.lock:
            now = time.monotonic()
            if self.value and now - self.looked < 0.5:
                return False
            self.looked = now
            try:
                with open(self.path, "rb") as file:
                    value = file.read(4096).strip()
            except OSError:
                return False
            changed = bool(value) and value != self.value
            if changed:
                self.value = value
            return changed


class Input(io.RawIOBase):
    """What a client sends: no more bytes, and for no longer, than allowed.
    A limit on each read alone lets a client go on for ever, byte by byte."""

    def __init__(self, sock):
        io.RawIOBase.__init__(self)
        self.sock, self.until, self.room = sock, 0.0, 0

    def allow(self, wait, size):
        self.until, self.room = time.monotonic() + wait, size

    def readable(self):
        return True

    def readinto(self, buffer):
        wait = self.until - time.monotonic()
        if wait <= 0 or self.room <= 0:
            raise socket.timeout("slow or long")
        self.sock.settimeout(wait)
        size = self.sock.recv_into(buffer, min(len(buffer), self.room))
        self.room -= size
        return size


HEAD_BYTES = 64 << 10
HEAD_SECONDS = 10
IDLE_SECONDS = 300      # of a kept connection
SEND_SECONDS = 60
BODY_RATE = 50 << 10    # bytes a second, at least


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1               # an answer is one write
    server_version = "livy-agent"
    sys_version = ""
    agent = token = None        # set by serve()

    def setup(self):
        http.server.BaseHTTPRequestHandler.setup(self)
        self.rfile.close()
        self.input = Input(self.connection)
        self.rfile = io.BufferedReader(self.input)
        self.idle = HEAD_SECONDS        # until it has shown the token

    def handle_one_request(self):
        self.left, self.chunked, self.asks_first = 0, False, False
        try:
            self.input.allow(self.idle, HEAD_BYTES)
            self.rfile.peek(1)
            self.input.allow(HEAD_SECONDS, HEAD_BYTES)
            http.server.BaseHTTPRequestHandler.handle_one_request(self)
        except OSError:
            self.close_connection = True

    def handle_expect_100(self):
        self.asks_first = True
        return True

    def send_error(self, status, message=None, explain=None):
        """What the base class refuses by itself."""
        self.close_connection = True
        self.request_version = "HTTP/1.1"
        self.reply(int(status), {"error": message or "bad request"})

    def log_message(self, text, *args):
        pass

    def do_GET(self):
        self.answer("GET")

    def do_POST(self):
        self.answer("POST")

    def do_DELETE(self):
        self.answer("DELETE")

    do_HEAD = do_PUT = do_PATCH = do_OPTIONS = do_DELETE

    def answer(self, method):
        try:
            self.left = self.body_length()
            status, body = self.route(method)
        except Refused as err:
            status, body = err.status, err.body
        except (ConnectionError, socket.timeout):
            self.close_connection = True
            return
        except Exception as err:
            log("%s %s: %s", method, self.path, first_line(err))
            status, body = 500, {"error": first_line(err)}
        self.reply(status, body)

    def body_length(self):
        self.chunked = False
        coding = self.headers.get("Transfer-Encoding")
        if coding == "chunked" and self.path.startswith("/v1/upload/"):
            self.chunked = self.close_connection = True
            return 0
        if coding:
            self.close_connection = True
            raise Refused(411, "a body needs a Content-Length")
        texts = self.headers.get_all("Content-Length") or ["0"]
        if len(texts) > 1 or not re.fullmatch("[0-9]{1,15}", texts[0]):
            self.close_connection = True
            raise Refused(400, "bad Content-Length")
        return int(texts[0])

    def want_body(self):
        """Says so to a client that waits for it."""
        if self.asks_first:
            self.asks_first = False
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()

    def read_body(self, size):
        """So much of the body; less only at its end."""
        self.want_body()
        data = self.rfile.read(min(size, self.left))
        self.left -= len(data)
        if not data and self.left:
            raise ConnectionError("the body ended early")
        return data

    def gone(self):
        """Whether the client has closed the connection."""
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        try:
            return bool(poll.poll(0)) and not self.connection.recv(
                1, socket.MSG_PEEK)
        except OSError:
            return True

    def reply(self, status, body):
        if not isinstance(body, bytes):
            body = utf8(json.dumps(body))
        self.connection.settimeout(SEND_SECONDS)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header(PROTOCOL_HEADER, str(PROTOCOL))
        if self.left > 1 << 16 or self.left and self.asks_first:
            self.close_connection = True
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()
        if not self.close_connection and self.left:
            self.rfile.read(self.left)      # a refused request's body

    def route(self, method):
        if not self.token.fits(self.headers.get(TOKEN_HEADER, "")):
            self.close_connection = True
            raise Refused(401, "no token, or a wrong one")
        self.idle = IDLE_SECONDS
        # Chunks have their own heads, which take room, too.
        size = 2 * self.agent.conf["upload_bytes"] if self.chunked \
            else self.left
        self.input.allow(HEAD_SECONDS + size / BODY_RATE, size + HEAD_BYTES)
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query))
        for name, active in (("seen", False), ("used", True)):
            if name in query:
                self.agent.saw_client(number(query, name, 0), active)
        for want, pattern, name in ROUTES:
            match = re.fullmatch(pattern, parts.path)
            if match and want == method:
                return getattr(self, name)(query, *match.groups())
        if any(re.fullmatch(p, parts.path) for _, p, _ in ROUTES):
            raise Refused(405, "method not allowed")
        raise Refused(404, "no such path; this is protocol %d" % PROTOCOL)

    def json_body(self):
        if self.left > self.agent.conf["code_bytes"]:
            raise Refused(413, "a body of %d bytes" % self.left)
        raw = self.read_body(self.left)
        try:
            body = json.loads(raw.decode("utf-8")) if raw else {}
        except ValueError:
            raise Refused(400, "the body is not JSON")
        if not isinstance(body, dict):
            raise Refused(400, "the body is no object")
        return body

    def get_state(self, query):
        store = self.agent.store
        since, wait = number(query, "since", -1), wait_of(query)
        most = number(query, "text", 0)
        left = number(query, "texts", most * 1000)
        if since > store.version or query.get(
                "instance", self.agent.instance) != self.agent.instance:
            since = -1          # of an agent before this one
        if since >= 0:
            store.wait(lambda: store.version > since, wait, self.gone)
        with store.cond:
            view = self.agent.view()
            changed = [s for s in store.statements.values()
                       if s.version > since][-1000:]
            shown = []
            for s in reversed(changed):     # the newest come first
                text, left = s.summary(most, left)
                shown.append(text)
        return 200, b"%s,\"changed\":[%s]}" % (
            utf8(json.dumps(view))[:-1], b",".join(reversed(shown)))

    def get_statements(self, query):
        store = self.agent.store
        most = number(query, "max", None)
        with store.cond:
            found = list(store.statements.values())
            total = len(found)
            if query.get("order", "").strip().lower() == "desc":
                found.reverse()
            first = number(query, "from", 0)
            size = number(query, "size", total)
            found = found[max(first, 0):max(first + size, 0)]
            views = [s.view(most) for s in found]
        return 200, b'{"total_statements":%d,"statements":[%s]}' % (
            total, b",".join(views))

    def get_statement(self, query, which):
        store = self.agent.store
        statement = store.get(int(which))
        wait = wait_of(query)
        if wait:
            since = number(query, "since", None)
            store.wait(lambda: statement.over() or (
                since is not None and statement.version > since), wait,
                self.gone)
        with store.cond:
            return 200, statement.view(number(query, "max", None))

    def post_statement(self, query):
        body = self.json_body()
        code, kind = body.get("code"), body.get("kind")
        if not isinstance(code, str):
            raise Refused(400, "code must be a string")
        if kind is None or kind == "shared":
            kind = self.agent.conf["kind"]
        if kind not in KINDS:
            raise Refused(400, "Invalid kind: %s" % kind)
        if KINDS[kind] == "shared":
            raise Refused(400, "Code type should be specified if session "
                          "kind is shared")
        request = body.get("requestId")
        if request is not None and (not isinstance(request, str) or
                                    len(request) > 200):
            raise Refused(400, "requestId must be a string of at most 200")
        statement, new = self.agent.store.add(
            code.replace("\r\n", "\n"), KINDS[kind], request)
        with self.agent.store.cond:
            return 201 if new else 200, statement.view()

    def cancel_statement(self, query, which):
        self.agent.cancel(int(which))
        statement = self.agent.store.statements.get(int(which))
        return 200, {"state": statement.state if statement else None}

    def post_interrupt(self, query):
        return 200, {"cancelled": self.agent.interrupt()}

    def post_completion(self, query):
        body = self.json_body()
        code, kind = body.get("code"), body.get("kind")
        cursor = body.get("cursor", 0)
        if not isinstance(code, str) or not isinstance(cursor, int):
            raise Refused(400, "code must be a string, cursor a number")
        if self.agent.store.state == "starting":
            raise Refused(409, "Session is in state starting")
        if kind not in KINDS:
            raise Refused(400, "Invalid kind: %s" % kind)
        return 200, {"candidates": self.agent.complete(
            code, KINDS[kind], cursor)}

    def post_add(self, query, what):
        uri = self.json_body().get("uri")
        if not isinstance(uri, str):
            raise Refused(400, "uri must be a string")
        self.agent.add(what, uri)
        return 200, {}

    def pieces(self):
        """A body whose length is known."""
        while self.left:
            yield self.read_body(1 << 18)

    def chunks(self):
        """A body in chunks; it is whole only with its last one."""
        self.want_body()
        while True:
            line = self.rfile.readline(64)
            size = line.split(b";")[0].strip()
            if not re.match(rb"[0-9a-fA-F]{1,8}$", size) or \
                    not line.endswith(b"\n"):
                raise ConnectionError("the file ended early")
            left = int(size, 16)
            if left == 0:
                return
            while left:
                data = self.rfile.read(min(left, 1 << 18))
                if not data:
                    raise ConnectionError("the file ended early")
                left -= len(data)
                yield data
            self.rfile.readline(8)

    def post_upload(self, query, what):
        name = query.get("name", "")
        if not name or name in (".", "..") or "/" in name or "\0" in name:
            raise Refused(400, "bad name")
        if self.left > self.agent.conf["upload_bytes"]:
            raise Refused(413, "a file of %d bytes" % self.left)
        folder = self.agent.new_folder()
        with kept_if_good(folder):
            path = os.path.join(folder, name)
            self.save_body(path)
            self.agent.take_file(what, path)
        return 200, {}

    def save_body(self, path):
        with open(path, "wb") as file:
            for data in self.chunks() if self.chunked else self.pieces():
                file.write(data)
                if file.tell() > self.agent.conf["upload_bytes"]:
                    raise Refused(413, "a file of more than %d bytes" %
                                  self.agent.conf["upload_bytes"])

    def post_seen(self, query):
        body = self.json_body()
        ago = body.get("agoMs", 0)
        if not isinstance(ago, (int, float)):
            raise Refused(400, "agoMs must be a number")
        self.agent.saw_client(ago, body.get("active") is True)
        return 200, {}

    def post_stop(self, query):
        self.agent.close("stopped by request")
        return 200, {}


ROUTES = (
    ("GET", "/v1/state", "get_state"),
    ("GET", "/v1/statements", "get_statements"),
    ("POST", "/v1/statements", "post_statement"),
    ("GET", r"/v1/statements/(\d{1,9})", "get_statement"),
    ("POST", r"/v1/statements/(\d{1,9})/cancel", "cancel_statement"),
    ("POST", "/v1/interrupt", "post_interrupt"),
    ("POST", "/v1/completion", "post_completion"),
    ("POST", "/v1/add/(jar|pyfile|file)", "post_add"),
    ("POST", "/v1/upload/(jar|pyfile|file)", "post_upload"),
    ("POST", "/v1/seen", "post_seen"),
    ("POST", "/v1/stop", "post_stop"),
)


def number(query, name, default):
    text = query.get(name)
    if text is None:
        return default
    if not re.match(r"-?[0-9]{1,15}$", text):
        raise Refused(400, "%s must be a number" % name)
    return int(text)


def wait_of(query):
    wait = number(query, "wait", 0) + number(query, "waitMs", 0) / 1000
    return min(max(wait, 0), 60)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512
    room = None                 # a semaphore, set by serve()

    def process_request(self, request, client_address):
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            socketserver.ThreadingMixIn.process_request(
                self, request, client_address)
        except RuntimeError:    # no thread is to be had
            self.room.release()
            raise

    def process_request_thread(self, request, client_address):
        try:
            socketserver.ThreadingMixIn.process_request_thread(
                self, request, client_address)
        finally:
            self.room.release()

    def server_bind(self):
        # Without HTTPServer's look-up of the host's name.
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request, client_address):
        pass


def serve(agent, conf):
    Handler.agent, Handler.token = agent, Token(conf["token_file"])
    address = conf["bind"] or os.environ.get("SPARK_DRIVER_BIND_ADDRESS") or \
        os.environ.get("SPARK_LOCAL_IP") or "127.0.0.1"
    Server.address_family = socket.AF_INET6 if ":" in address \
        else socket.AF_INET
    Server.room = threading.Semaphore(conf["connections"])
    server = Server((address, conf["port"]), Handler)
    threading.Thread(target=server.serve_forever, kwargs={
        "poll_interval": 5}, daemon=True).start()
    where = "%s:%d" % (address, server.server_address[1])
    if conf["ready_file"]:
        with open(conf["ready_file"] + ".new", "w") as file:
            file.write(where + "\n")
        os.rename(conf["ready_file"] + ".new", conf["ready_file"])
    log("listening on %s", where)
    return server


def read_settings(argv):
    """Defaults, then the JSON of LIVY_AGENT_CONF, then of --config, then
    the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", help="JSON file of these settings")
    for name, (default, help_text) in SETTINGS.items():
        parser.add_argument("--" + name.replace("_", "-"), help=help_text,
                            default=argparse.SUPPRESS)
    given = vars(parser.parse_args(argv))
    conf = {name: default for name, (default, _) in SETTINGS.items()}
    texts = [os.environ.pop("LIVY_AGENT_CONF", "")]
    config = given.pop("config", None)
    if config:
        with open(config, encoding="utf-8") as file:
            texts.append(file.read())
    for text in texts:
        more = json.loads(text) if text else {}
        unknown = set(more) - set(conf)
        if unknown:
            parser.error("unknown settings: %s" % ", ".join(sorted(unknown)))
        conf.update(more)
    conf.update(given)
    try:
        for name, (default, _) in SETTINGS.items():
            if name in DURATIONS:
                conf[name] = seconds(conf[name])
            elif isinstance(default, int):
                conf[name] = int(conf[name])
    except ValueError as err:
        parser.error("%s: %s" % (name, err))
    if conf["kind"] not in KINDS:
        parser.error("Invalid kind: %s" % conf["kind"])
    if not conf["token_file"]:
        parser.error("token_file must be given")
    conf["kind"] = KINDS[conf["kind"]]
    return conf


def shield():
    """Keeps other processes of this user out of our memory and /proc."""
    try:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)      # PR_SET_DUMPABLE
    except (OSError, AttributeError):
        pass


def main(argv):
    parent = os.getppid()
    conf = read_settings(argv)
    shield()
    agent = Agent(conf)
    serve(agent, conf)

    def end(number, frame):
        log("ending the session: signal %d", number)
        # Not here: this thread may hold any of the locks just now.
        threading.Thread(target=agent.close, args=("signal %d" % number,),
                         daemon=True).start()

    signal.signal(signal.SIGTERM, end)      # Spark's start is waited for
    try:
        agent.start()
    except Exception as err:
        traceback.print_exc()
        log("the session did not start: %s", first_line(err))
        agent.store.set_state("dead", first_line(err))
        agent.leave(parent)
    signal.signal(signal.SIGINT, end)       # now that Spark's own is there
    agent.live(parent)
    agent.leave(parent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--kernel"]:
        kernel_main(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(sys.argv[1:])
