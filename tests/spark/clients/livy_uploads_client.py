"""livy-uploads: a named session, results of any kind, files in pieces."""

import os

from livy_uploads.commands import LivyRunCode, LivyUploadFile
from livy_uploads.endpoint import LivyEndpoint
from livy_uploads.retry_policy import TimeoutRetryPolicy
from livy_uploads.session import LivySession
from requests.auth import HTTPBasicAuth
from serve import serve

SLOW = 600
endpoint = LivyEndpoint(
    os.environ["LIVY_URL"], verify=os.environ["LIVY_CA"],
    authenticator=lambda: HTTPBasicAuth(os.environ["LIVY_USER"],
                                        os.environ["LIVY_PASSWORD"]))
sessions = {}


def create(name, **body):
    sessions[name] = LivySession.create(endpoint, name, **body)
    sessions[name].wait_ready(TimeoutRetryPolicy(SLOW, 1))
    return sessions[name].session_id


def listed():
    return [s.session_name for s in LivySession.list(endpoint, page_size=1)]


def run(name, code, **kwargs):
    lines, value = sessions[name].apply(LivyRunCode(
        code, run_timeout=SLOW, request_timeout=SLOW, **kwargs))
    return {"lines": lines, "value": value}


def upload(name, source, dest):
    return sessions[name].apply(LivyUploadFile(
        source, dest, chunk_timeout=SLOW, request_timeout=SLOW,
        run_timeout=SLOW))


def log(name):
    return next(sessions[name].follow())


def delete(name):
    sessions[name].delete()
    sessions[name].wait_done(TimeoutRetryPolicy(SLOW, 1))
    return sessions[name].session_state


serve(create=create, listed=listed, run=run, upload=upload, log=log,
      delete=delete)
