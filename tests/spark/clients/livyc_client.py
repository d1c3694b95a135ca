"""livyc, which knows HTTP alone: a door on this machine leads to HTTPS."""

import os
import socket
import ssl
import threading

from livyc.livyc import LivyC
from serve import serve

context = ssl.create_default_context(cafile=os.environ["LIVY_CA"])
door = socket.create_server(("127.0.0.1", 0))


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        end.close()


def open_door():
    while True:
        inner, _ = door.accept()
        outer = context.wrap_socket(
            socket.create_connection(("127.0.0.1",
                                      int(os.environ["LIVY_PORT"]))),
            server_hostname="127.0.0.1")
        for ends in ((inner, outer), (outer, inner)):
            threading.Thread(target=pump, args=ends, daemon=True).start()


threading.Thread(target=open_door, daemon=True).start()
made = {}


def create():
    client = LivyC({
        "livy_server_url": "{LIVY_USER}:{LIVY_PASSWORD}@127.0.0.1".format(
            **os.environ),
        "port": str(door.getsockname()[1]), "jars": []})
    made.update(client=client, session=client.create_session())
    return made["session"]._session_id


def run(code):
    return made["client"].run_script(made["session"], code)


def read(code):
    value = made["session"].read(code)
    return value.to_dict("records") if hasattr(value, "to_dict") else value


def delete():
    made.clear()    # a session is deleted as its object goes


serve(create=create, run=run, read=read, delete=delete)
