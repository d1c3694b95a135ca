"""Shows what reached the driver: its arguments and its configuration."""
import json
import os
import sys

print("args=" + json.dumps(sys.argv[1:]))
print("conf=" + os.environ.get("FAKE_SPARK_CONF", "{}"))
print("class=" + os.environ.get("FAKE_SPARK_CLASS", ""))
print("uid=%d" % os.getuid(), flush=True)
