"""livyclient: sessions, statements and batches; it signs in by its URL."""

import os
import time

from livyclient import LivyBatch, LivySession
from livyclient.models.sessions import (SessionKind, SessionState,
                                        StatementKind, StatementState)
from serve import serve

url = os.environ["LIVY_URL"].replace(
    "://", "://{LIVY_USER}:{LIVY_PASSWORD}@".format(**os.environ))
sessions, batches = LivySession(url), LivyBatch(url)


def create(kind, **kwargs):
    made = sessions.create_sessions(SessionKind(kind), **kwargs)
    while made.state in (SessionState.NOT_STARTED, SessionState.STARTING):
        time.sleep(0.5)
        made = sessions.get_sessions(made.session_id)
    return [made.session_id, made.state.value]


def run(session, code, kind=None):
    made = sessions.create_statements(
        session, code, StatementKind(kind) if kind else None)
    while made.state in (StatementState.WAITING, StatementState.RUNNING):
        time.sleep(0.2)
        made = sessions.get_statements(session, made.statement_id)
    output = made.output
    return [made.state.value, output.status.value, output.text,
            output.ename]


def delete(session):
    sessions.delete_sessions(session)
    return sessions.get_sessions(session)


def batch(**kwargs):
    made = batches.create_batches(**kwargs)
    return made.batch_id


def batch_state(batch):
    return batches.get_state(batch).state.value


serve(create=create, run=run, delete=delete, batch=batch,
      batch_state=batch_state)
