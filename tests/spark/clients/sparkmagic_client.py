"""sparkmagic's kernels, without a notebook: a kernel is a process, to which
cells are sent as Jupyter would; and its library, as its magics use it."""

import base64
import json
import os
import pathlib
import sys

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from serve import serve

SLOW = 600
credentials = {
    "username": os.environ["LIVY_USER"],
    "base64_password": base64.b64encode(
        os.environ["LIVY_PASSWORD"].encode()).decode(),
    "url": os.environ["LIVY_URL"], "auth": "Basic_Access"}
folder = pathlib.Path(os.environ["HOME"]) / ".sparkmagic"
folder.mkdir(exist_ok=True)
# Beside addresses only more patience: the machine may be busy.
(folder / "config.json").write_text(json.dumps({
    "kernel_python_credentials": credentials,
    "kernel_scala_credentials": credentials,
    "livy_session_startup_timeout_seconds": SLOW,
    "wait_for_idle_timeout_seconds": SLOW,
    "heartbeat_refresh_seconds": 3, "use_auto_viz": False}))
kernels = {}


def start(kernel):
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        display_name=kernel, language="python", argv=[
            sys.executable, "-m", f"sparkmagic.kernels.{kernel}.{kernel}",
            "-f", "{connection_file}"])
    manager.start_kernel(stdout=sys.stderr, stderr=sys.stderr)
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=SLOW)
    kernels[kernel] = manager, client


def cell(kernel, code):
    """What a cell shows: texts, tables, and the error if it is one."""
    client = kernels[kernel][1]
    sent, shown = client.execute(code), {"text": "", "data": [],
                                         "error": None}
    while True:
        message = client.get_iopub_msg(timeout=SLOW)
        content = message["content"]
        if message["parent_header"].get("msg_id") != sent:
            continue
        if message["msg_type"] == "stream":
            shown["text"] += content["text"]
        elif message["msg_type"] in ("display_data", "execute_result"):
            shown["data"].append(content["data"])
        elif message["msg_type"] == "error":
            shown["error"] = [content["ename"], content["evalue"]]
        elif message["msg_type"] == "status" and \
                content["execution_state"] == "idle":
            return shown


def interrupt(kernel):
    kernels[kernel][0].interrupt_kernel()


def stop(kernel):
    manager, client = kernels.pop(kernel)
    client.stop_channels()
    manager.shutdown_kernel()


# It reads the configuration that is written above.
from hdijupyterutils.ipythondisplay import IpythonDisplay
from sparkmagic.auth.basic import Basic
from sparkmagic.livyclientlib.command import Command
from sparkmagic.livyclientlib.endpoint import Endpoint
from sparkmagic.livyclientlib.sparkcontroller import SparkController
from sparkmagic.livyclientlib.sqlquery import SQLQuery

controller = SparkController(IpythonDisplay())


def add(name, **properties):
    auth = Basic()
    auth.username = credentials["username"]
    auth.password = os.environ["LIVY_PASSWORD"]
    endpoint = Endpoint(credentials["url"], auth)
    controller.add_session(name, endpoint, False, properties)
    session = controller.get_session_id_for_client(name)
    return {"id": session, "listed": [
        s.id for s in controller.get_all_sessions_endpoint(endpoint)]}


def run(name, code):
    return controller.run_command(Command(code), name)


def query(name, sql):
    return controller.run_sqlquery(SQLQuery(sql), name).to_dict("list")


def logs(name):
    return controller.get_logs(name)


def delete(name):
    controller.delete_session_by_name(name)


serve(start=start, cell=cell, interrupt=interrupt, stop=stop, add=add,
      run=run, query=query, logs=logs, delete=delete)
