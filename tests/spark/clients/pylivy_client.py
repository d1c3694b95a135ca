"""pylivy: batches and sessions."""

import os

import pandas
from livy.batch import LivyBatch
from livy.client import LivyClient
from livy.models import SessionKind, SparkRuntimeError
from livy.session import LivySession
from serve import serve

CONNECTION = dict(auth=(os.environ["LIVY_USER"], os.environ["LIVY_PASSWORD"]),
                  verify=os.environ["LIVY_CA"])
URL = os.environ["LIVY_URL"]
batches, sessions = {}, {}


def create(**kwargs):
    batch = LivyBatch.create(URL, **CONNECTION, **kwargs)
    batches[batch.batch_id] = batch
    return batch.batch_id


def wait(batch):
    return batches[batch].wait().value


def state(batch):
    return batches[batch].state.value


def log(batch, **kwargs):
    return batches[batch].log(**kwargs)


def kill(batch):
    batches[batch].kill()


def listed():
    client = LivyClient(URL, **CONNECTION)
    return [[b.batch_id, b.state.value] for b in client.list_batches()]


def open_session(kind, **kwargs):
    made = LivySession.create(URL, kind=SessionKind(kind), **CONNECTION,
                              **kwargs)
    made.wait()
    sessions[made.session_id] = made
    return made.session_id


def run(session, code):
    try:
        output = sessions[session].run(code)
    except SparkRuntimeError as e:
        return {"ename": e.ename, "evalue": e.evalue,
                "traceback": e.traceback}
    return {"text": output.text, "json": output.json}


def upload(session, name, table):
    sessions[session].upload(name, pandas.DataFrame(table))


def download(session, name):
    return sessions[session].download(name).to_dict("list")


def download_sql(session, query):
    return sessions[session].download_sql(query).to_dict("list")


def close(session):
    sessions[session].close()


serve(create=create, wait=wait, state=state, log=log, kill=kill,
      listed=listed, open_session=open_session, run=run, upload=upload,
      download=download, download_sql=download_sql, close=close)
