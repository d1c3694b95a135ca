"""dbt with the adapter dbt-spark-livy: its command, as a user types it."""

import json
import os
import pathlib
import subprocess
import sys

from serve import serve

PROFILES = """
config: {send_anonymous_usage_stats: false, use_colors: false}
livy:
  target: test
  outputs:
    test:
      type: spark_livy
      method: livy
      host: "{{ env_var('LIVY_URL') }}"
      user: "{{ env_var('LIVY_USER') }}"
      password: "{{ env_var('LIVY_PASSWORD') }}"
      schema: default
      threads: 1
      usage_tracking: false
      livy_session_parameters: {spark.driver.memory: 700m}
"""


def dbt(project, *arguments):
    pathlib.Path("profiles.yml").write_text(PROFILES)
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "dbt"), *arguments,
         "--project-dir", project, "--profiles-dir", "."],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    print(done.stdout, flush=True)
    results = pathlib.Path(project, "target", "run_results.json")
    return {"status": done.returncode, "said": done.stdout, "results": {
        r["unique_id"].split(".")[2]: [r["status"], r["message"]]
        for r in json.loads(results.read_text())["results"]}
        if results.exists() else {}}


serve(dbt=lambda project, arguments: dbt(project, *arguments))
