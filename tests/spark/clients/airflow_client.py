"""The Airflow provider for Livy, its hook, operator and trigger as they are,
run without scheduler and database: the context of a task is a stand-in."""

import asyncio
import json
import os

os.environ["AIRFLOW_CONN_LIVY_DEFAULT"] = json.dumps({
    "conn_type": "livy", "host": os.environ["LIVY_HOST"],
    "port": int(os.environ["LIVY_PORT"]), "login": os.environ["LIVY_USER"],
    "password": os.environ["LIVY_PASSWORD"]})

from airflow.providers.apache.livy.hooks.livy import LivyHook
from airflow.providers.apache.livy.operators.livy import LivyOperator
from airflow.sdk.exceptions import TaskDeferred
from serve import serve

operators = {}  # by task id, so that a test can kill one
states = {}     # what Airflow keeps for a task from try to try


class TaskInstance:
    stats_tags = {}

    def __init__(self):
        self.xcom = {}

    def xcom_push(self, key, value):
        self.xcom[key] = value


class Context(dict):
    def __init__(self, task):
        super().__init__(ti=TaskInstance(), task_state_store=self)
        self.kept = states.setdefault(task, {})

    def get(self, key, default=None):
        return self.kept.get(key, super().get(key, default))

    def set(self, key, value):
        self.kept[key] = value


class Lines:
    """What an operator or a hook says, beside what it prints."""

    def __init__(self, of):
        self.lines, self.log = [], of

    def info(self, text, *args, **more):
        self.lines.append(text % args if args else text)

    def __getattr__(self, name):
        return getattr(self.log, name)


def listen(hook):
    lines = Lines(hook.log)
    hook.__dict__["_log"] = lines
    assert hook.log is lines
    return lines.lines


def version():
    import airflow
    return airflow.__version__


def operator(task, **kwargs):
    """execute() of a task, once; a deferred one goes on with its trigger."""
    op = LivyOperator(task_id=task, **kwargs)
    operators[task] = op
    lines, context = listen(op.hook), Context(task)
    try:
        result = op.execute(context)
    except TaskDeferred as deferred:
        event = asyncio.run(first(deferred.trigger))
        lines += event.payload["log_lines"] or []
        result = getattr(op, deferred.method_name)(context, event.payload)
    return {"result": result, "xcom": context["ti"].xcom, "log": lines}


async def first(trigger):
    async for event in trigger.run():
        return event


def batch_of(task):
    """The id that a running task has; None before it has one."""
    return operators[task]._batch_id if task in operators else None


def kill(task):
    operators[task].on_kill()


def kept(task):
    return states.get(task)


def hook(method, *, prefix=None, args=(), **kwargs):
    made = LivyHook(endpoint_prefix=prefix)
    lines = listen(made)
    result = getattr(made, method)(*args, **kwargs)
    return {"result": getattr(result, "value", result), "log": lines}


serve(version=version, operator=operator, batch_of=batch_of, kill=kill,
      kept=kept, hook=hook)
