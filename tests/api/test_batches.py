"""The life of a batch, as a Livy client sees it. Runs on any cluster."""

import json

from procs import wait_for

VIEW = ["id", "name", "owner", "proxyUser", "state", "appId", "appInfo", "log"]
APP_INFO = ["driverLogUrl", "sparkUiUrl", "executorLogUrls"]


def test_a_batch_is_created_runs_and_succeeds(gateway, job):
    r = gateway.post("/batches", {"file": job("lines.py"), "args": ["3"]})

    assert r.status_code == 201
    view = r.json()
    assert r.headers["Location"] == f"/batches/{view['id']}"
    assert list(view) == VIEW
    assert list(view["appInfo"]) == APP_INFO
    assert view["state"] == "starting"
    assert view["owner"] == "ana"
    assert view["name"] is None and view["proxyUser"] is None

    assert gateway.wait_state(view["id"], "success") == "success"
    lines = gateway.wait_line(view["id"], "line 2") and \
        gateway.log_lines(view["id"])
    assert [x for x in lines if x.startswith("line ")] == \
        ["line 0", "line 1", "line 2"]


def test_a_running_batch_has_the_id_of_its_spark_application(gateway, job):
    batch = gateway.submit({"file": job("hold.py")})["id"]
    gateway.wait_state(batch, "running")

    app_id = wait_for("the appId", lambda: gateway.get(
        f"/batches/{batch}").json()["appId"])

    assert app_id.startswith("spark-")
    assert gateway.delete(f"/batches/{batch}").status_code == 200


def test_a_failing_batch_is_dead_and_its_log_has_the_exit_code(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["2", "7"]})["id"]

    gateway.wait_state(batch, "dead")

    gateway.wait_line(batch, "line 1")
    text = "\n".join(gateway.log_lines(batch))
    assert "ExitCode: 7" in text or "exit code 7" in text.lower(), text


def test_a_main_file_that_is_not_there_makes_a_dead_batch(gateway, job):
    batch = gateway.submit({"file": job("absent.py")})["id"]

    gateway.wait_state(batch, "dead")

    gateway.wait_line(batch, "absent.py")


def test_state_is_the_id_and_the_word(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["1"]})["id"]
    gateway.wait_state(batch, "success")

    r = gateway.get(f"/batches/{batch}/state")

    assert r.json() == {"id": batch, "state": "success"}
    assert list(r.json()) == ["id", "state"]


def test_a_deleted_batch_is_gone_everywhere(gateway, cluster, job):
    batch = gateway.submit({"file": job("hold.py")})["id"]
    gateway.wait_state(batch, "running")
    gateway.wait_line(batch, "holding")
    name = gateway.object_name(batch)

    r = gateway.delete(f"/batches/{batch}")

    assert (r.status_code, r.json()) == (200, {"msg": "deleted"})
    missing = {"msg": f"Session '{batch}' not found."}
    for method, path in (("GET", ""), ("GET", "/state"), ("GET", "/log"),
                         ("DELETE", "")):
        r = gateway.call(method, f"/batches/{batch}{path}")
        assert (r.status_code, r.json()) == (404, missing), path
    listed = gateway.get("/batches?size=100000").json()["sessions"]
    assert batch not in [b["id"] for b in listed]
    wait_for("application and driver pod to go", lambda: name not in
             cluster.kube.apps() and f"{name}-driver" not in
             cluster.kube.names("pods"))


def test_a_batch_whose_driver_is_deleted_from_outside_is_dead(
        gateway, cluster, job):
    batch = gateway.submit({"file": job("hold.py")})["id"]
    gateway.wait_line(batch, "holding")

    cluster.kube.delete("pods", gateway.object_name(batch) + "-driver")

    gateway.wait_state(batch, "dead")


def test_a_finished_batch_can_be_deleted(gateway, cluster, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["1"]})["id"]
    gateway.wait_state(batch, "success")

    assert gateway.delete(f"/batches/{batch}").json() == {"msg": "deleted"}

    assert gateway.get(f"/batches/{batch}").status_code == 404
    wait_for("the application to go", lambda: gateway.object_name(batch)
             not in cluster.kube.apps())


def test_ids_rise_and_are_not_used_again(gateway, job):
    body = {"file": job("lines.py"), "args": ["0"]}
    first = gateway.submit(body)["id"]
    second = gateway.submit(body)["id"]
    gateway.delete(f"/batches/{second}")

    third = gateway.submit(body)["id"]

    assert first < second < third


def test_the_list_is_ascending_and_pages(gateway, job):
    ids = [gateway.submit({"file": job("lines.py"), "args": ["0"]})["id"]
           for _ in range(3)]

    whole = gateway.get("/batches?size=100000").json()
    assert list(whole) == ["from", "total", "sessions"]
    listed = [b["id"] for b in whole["sessions"]]
    assert whole["from"] == 0 and whole["total"] == len(listed)
    assert listed == sorted(listed) and set(ids) <= set(listed)

    page = gateway.get("/batches?from=1&size=2").json()
    assert (page["from"], page["total"]) == (1, len(listed))
    assert [b["id"] for b in page["sessions"]] == listed[1:3]

    page = gateway.get("/batches?from=-1&size=3").json()
    assert page["from"] == -1
    assert [b["id"] for b in page["sessions"]] == listed[:2]

    for query in ("from=100000", "size=0", "size=-5"):
        r = gateway.get(f"/batches?{query}")
        assert r.status_code == 200 and r.json()["sessions"] == [], query
        assert r.json()["total"] == len(listed)


def test_the_log_pages_as_livy_does(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["150"]})["id"]
    gateway.wait_state(batch, "success")
    gateway.wait_line(batch, "line 149")
    path = f"/batches/{batch}/log"
    whole = gateway.get(f"{path}?size=-1").json()
    lines, total = whole["log"], whole["total"]

    assert list(whole) == ["id", "from", "total", "log"]
    assert whole["from"] == 0 and total == len(lines) > 150
    assert lines[0] == "stdout: "
    assert "\nstderr: " in lines
    for query, start, want in (
            ("", total - 100, lines[-100:]),
            ("?from=0&size=3", 0, lines[:3]),
            ("?size=3", total - 3, lines[-3:]),
            ("?from=-5&size=2", total - 2, lines[-2:]),
            ("?size=0", total, []),
            ("?from=9999", 9999, []),
            ("?from=10&size=5", 10, lines[10:15])):
        got = gateway.get(path + query).json()
        assert (got["from"], got["total"], got["log"]) == \
            (start, total, want), query


def test_views_and_lists_carry_at_most_ten_log_lines(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["30"]})["id"]
    gateway.wait_state(batch, "success")

    view = gateway.get(f"/batches/{batch}").json()
    listed = [b for b in gateway.get("/batches?size=100000").json()[
        "sessions"] if b["id"] == batch]

    assert list(view) == VIEW
    assert len(view["log"]) <= 10
    assert len(listed[0]["log"]) <= 10
    assert listed[0]["state"] == "success"


def test_arguments_reach_the_driver_untouched(gateway, job):
    args = ["plain", "two words", "'single' \"double\"", "$HOME `id` \\n",
            "--class", "é 漢字 🎉", "a=b", "{{x}}", "${file}", "",
            "tab\there", "*"]
    batch = gateway.submit({"file": job("echo.py"), "args": args})["id"]
    gateway.wait_state(batch, "success")
    gateway.wait_line(batch, "args=")

    line = next(x for x in gateway.log_lines(batch) if x.startswith("args="))

    assert json.loads(line[5:]) == args


def test_scalar_arguments_arrive_as_text(gateway, job):
    batch = gateway.submit({"file": job("echo.py"),
                            "args": [1, True, 2.5, "x"]})["id"]
    gateway.wait_state(batch, "success")
    gateway.wait_line(batch, "args=")

    line = next(x for x in gateway.log_lines(batch) if x.startswith("args="))

    assert json.loads(line[5:]) == ["1", "true", "2.5", "x"]


def test_a_name_is_shown_looked_up_and_unique(gateway, job):
    body = {"file": job("hold.py"), "name": "nightly/load é"}
    batch = gateway.submit(body)["id"]

    r = gateway.post("/batches", body)
    assert r.status_code == 400
    assert r.json()["msg"].startswith("Rejected, Reason: Duplicate session "
                                      "name: Some(nightly/load é) for session")

    path = "/batches/nightly%2Fload%20%C3%A9"
    assert gateway.get(path).json()["id"] == batch
    assert gateway.get(path).json()["name"] == "nightly/load é"
    assert gateway.get(path + "/state").json()["id"] == batch
    assert gateway.delete(path).json() == {"msg": "deleted"}
    assert gateway.get(path).status_code == 404

    again = gateway.submit(body)["id"]
    assert again > batch
    gateway.delete(f"/batches/{again}")


def reservations(cluster):
    """The ConfigMaps but for those of ended drivers' logs."""
    return [name for name in cluster.kube.names("configmaps")
            if not name.endswith("-log")]


def test_no_id_and_no_object_is_spent_on_a_refusal(gateway, cluster, job):
    before = gateway.submit({"file": job("lines.py"), "args": ["0"]})["id"]
    apps = cluster.kube.apps()
    maps = reservations(cluster)

    for body in ({}, {"file": "x.py"}, {"file": "/etc/passwd"},
                 {"file": job("echo.py"), "bogus": 1},
                 {"file": job("echo.py"), "args": "x"},
                 {"file": job("echo.py"), "name": "42"},
                 {"file": job("echo.py"),
                  "conf": {"spark.master": "local"}}):
        r = gateway.post("/batches", body)
        assert r.status_code in (400, 500), body

    assert cluster.kube.apps() == apps
    assert reservations(cluster) == maps
    after = gateway.submit({"file": job("lines.py"), "args": ["0"]})["id"]
    assert after == before + 1
