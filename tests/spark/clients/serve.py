"""The end of a client's process that its test talks to: a JSON line in, a
JSON line out, for each thing to do. Whatever the client prints goes to its
log and, for one thing to do, into its answer."""

import json
import os
import sys
import threading
import traceback


def serve(**commands):
    """Until standard input ends. A request names a command, its arguments
    and an id that comes back; each runs in a thread of its own."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    lock = threading.Lock()

    def run(number, name, arguments):
        try:
            answer = {"result": commands[name](**arguments)}
        except BaseException as e:
            traceback.print_exc()
            answer = {"error": f"{type(e).__name__}: {e}"}
        with lock:
            answers.write(json.dumps({"id": number, **answer}) + "\n")
            answers.flush()

    for line in sys.stdin:
        request = json.loads(line)
        threading.Thread(target=run, daemon=True, args=(
            request["id"], request["do"], request["with"])).start()
