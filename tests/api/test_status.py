"""The status pages in Chromium: against the gateway, whether they show what
the API says; against a stand-in of it, every trouble and every bad word."""

import json
import re
import time

import pytest

import repl
import sample
from browser import Browser
from procs import wait_for
from rig import SRC
from stub import Stub, World, batch, session, statement

pytestmark = pytest.mark.local

PAGES = SRC / "nginx" / "status"
SIZE_MAX = 80 * 1024


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(browser):
    page = browser.page()
    yield page
    page.close()


@pytest.fixture
def stub():
    stub = Stub(World())
    yield stub
    stub.stop()


@pytest.fixture
def lively():
    stub = Stub(sample.world())
    yield stub
    stub.stop()


def clean(page, origin, troubles=False):
    """No error on the console, no policy violated, nothing asked of others.
    A reply that is an error is on the console whatever a page does."""
    errors = [e for e in page.errors if not (
        troubles and e.startswith("network: Failed to load resource"))]
    assert errors == []
    assert page.dialogs == []
    assert {u for u in page.requests if not u.startswith(
        (origin, "data:image/png;base64,", "about:"))} == set()


def sign_in(page, gateway, token=None, path=""):
    page.go(f"{gateway.url}/ui/{path}")
    page.type("#token", token or gateway.token)
    page.click("form button")
    page.wait("document.body.dataset.live === 'live'")


def cells(page, key):
    return page.texts(f"tbody .c-{key}")


def shown(value):
    return "–" if value is None else str(value)


# The files

def test_the_pages_are_open_and_small(gateway):
    files = sorted(PAGES.iterdir())
    assert sum(f.stat().st_size for f in files) <= SIZE_MAX
    for file in files:
        r = gateway.call("GET", f"/ui/{file.name}", session=gateway.client())
        assert (r.status_code, r.content) == (200, file.read_bytes())
        assert r.headers["Content-Type"].startswith(
            {".js": "text/javascript", ".css": "text/css",
             ".html": "text/html", ".svg": "image/svg+xml"}[file.suffix])
    r = gateway.call("GET", "/ui/", session=gateway.client())
    assert r.content == (PAGES / "index.html").read_bytes()


def test_every_page_is_installed():
    listed = re.findall(r"%D%/status/(\S+)",
                        (SRC / "nginx" / "nginx.am").read_text())

    assert sorted(listed) == sorted(f.name for f in PAGES.iterdir())


def test_the_policy_lets_nothing_but_the_own_files_run(gateway):
    r = gateway.call("GET", "/ui/", session=gateway.client())
    policy = dict(part.strip().partition(" ")[::2] for part in
                  r.headers["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in r.headers["Content-Security-Policy"]
    assert "<style" not in r.text and "style=" not in r.text
    assert re.findall(r"<script(?![^>]* src=)", r.text) == []


def test_no_script_makes_markup_of_text():
    for file in PAGES.glob("*.js"):
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|"
                          r"document\.write|\beval\b|new Function|"
                          r"setTimeout\(['\"`]", file.read_text()) == []


# The gateway

def test_without_signing_in_there_is_no_data(gateway, page, job):
    gateway.submit({"file": job("lines.py"), "args": ["0"],
                    "name": "not-for-strangers"})
    for path in ("", "#/batches", "#/batches/0"):
        page.go(f"{gateway.url}/ui/{path}")
        page.wait_text("Bearer token")
        assert "not-for-strangers" not in page.text()

    assert page.asked_for_password == 0
    clean(page, gateway.url, troubles=True)


def test_a_wrong_token_is_said_so(gateway, page):
    page.go(f"{gateway.url}/ui/")
    page.type("#token", "wrong")
    page.click("form button")
    page.wait_text("did not accept")
    page.type("#token", gateway.token)
    page.click("form button")
    page.wait_text("Ready")
    clean(page, gateway.url, troubles=True)


def test_a_token_is_kept_no_longer_than_asked(gateway, page):
    everywhere = "JSON.stringify([{...localStorage}, {...sessionStorage}, " \
        "document.cookie, location.href])"
    sign_in(page, gateway)
    assert gateway.token not in page.script(everywhere)
    page.send("Page.reload")
    page.wait_text("Bearer token")

    page.click("#keep")
    page.type("#token", gateway.token)
    page.click("form button")
    page.wait_text("Ready")
    assert page.script("JSON.stringify({...localStorage})") == "{}"
    page.send("Page.reload")
    page.wait_text("Ready")
    page.click("#sign-out")
    page.wait_text("Bearer token")
    assert gateway.token not in page.script(everywhere)
    clean(page, gateway.url, troubles=True)


def test_the_browser_asks_for_a_password_when_told_to(gateway, page):
    page.credentials = ("carl", gateway.password)
    page.go(f"{gateway.url}/ui/#/batches")
    page.wait_text("Bearer token")
    assert page.asked_for_password == 0

    page.click("button", "Use a password or certificate")
    page.wait("document.body.dataset.live === 'live'")
    assert page.asked_for_password >= 1
    clean(page, gateway.url, troubles=True)


def test_the_list_is_the_apis(gateway, page, job):
    for i in range(3):
        gateway.submit({"file": job("lines.py"), "args": ["1"],
                        "name": f"listed-{i}-{time.time_ns()}"})
    sign_in(page, gateway, path="#/batches?size=500")
    last = []

    def same():
        views = gateway.get("/batches?size=500").json()["sessions"][::-1]
        last[:] = [[cells(page, key) for key in
                    ("id", "name", "state", "owner", "app")],
                   [[shown(v[key]) for v in views] for key in
                    ("id", "name", "state", "owner", "appId")]]
        return last[0] == last[1]
    wait_for("the list to be the API's", same)
    clean(page, gateway.url, troubles=True)


def test_a_new_batch_and_its_states_appear_by_themselves(gateway, page, job):
    sign_in(page, gateway, path="#/batches")
    page.script("window.sameDocument = true")

    batch = gateway.submit({"file": job("hold.py")})
    row = f"document.querySelector('tr[data-id=\"{batch['id']}\"]')"
    page.wait(f"{row}?.innerText.includes('running')")
    gateway.delete(f"/batches/{batch['id']}")
    page.wait(f"{row} === null")

    assert page.script("window.sameDocument") is True
    clean(page, gateway.url, troubles=True)


def test_a_batch_is_the_apis_with_its_log(gateway, page, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["150", "3"],
                            "name": f"logged-{time.time_ns()}"})
    gateway.wait_state(batch["id"], "dead")
    sign_in(page, gateway, path=f"#/batches/{batch['id']}")

    page.wait_text("Why it ended")

    def story():    # which may become longer meanwhile
        log = gateway.get(f"/batches/{batch['id']}").json()["log"]
        return log[log.index("\nKubernetes Diagnostics: ") + 1:]
    wait_for("the page to tell its story", lambda: page.rest(0.1) or
             page.texts(".story li") == story())
    view = gateway.get(f"/batches/{batch['id']}").json()
    for field, key in (("Name", "name"), ("Owner", "owner")):
        assert page.text(f'[data-field="{field}"] dd') == view[key]
    page.wait_text("line 149")
    wait_for("the page to have its log", lambda: page.rest(0.1) or [
        line.strip() for line in gateway.log_lines(batch["id"])] ==
        page.texts(".log > div"))
    clean(page, gateway.url, troubles=True)


def test_the_overview_counts_what_the_lists_hold(gateway, page, job):
    batch = gateway.submit({"file": job("fail.py"),
                            "name": f"failed-{time.time_ns()}"})
    gateway.wait_state(batch["id"], "dead")
    sign_in(page, gateway)

    def same():
        views = gateway.get("/batches?size=100000").json()["sessions"]
        states = [v["state"] for v in views]
        counts = {s: str(states.count(s)) for s in set(states)}
        told = page.script(
            "Object.fromEntries([...document.querySelectorAll("
            "'.card:last-child .counts a')].map((e) => "
            "[...e.children].map((c) => c.innerText)))")
        return told == counts
    wait_for("the overview to count as the list does", same)
    page.wait_text(batch["name"])
    assert f"Batch {batch['id']}" in page.text("ul.reasons:last-child")
    clean(page, gateway.url, troubles=True)


def test_deleting_asks_first(gateway, page, job):
    batch = gateway.submit({"file": job("hold.py")})
    path = f"/batches/{batch['id']}"
    sign_in(page, gateway, path=f"#{path}")

    page.click(".actions button", "Delete")
    page.click("dialog button", "Keep it")
    assert gateway.get(path).status_code == 200
    page.click(".actions button", "Delete")
    page.click("dialog button", "Delete")
    page.wait("location.hash === '#/batches'")
    assert gateway.get(path).status_code == 404
    clean(page, gateway.url, troubles=True)


def test_a_hostile_name_is_text(gateway, page, job):
    name = f"{sample.HOSTILE}{sample.RTL}{time.time_ns()}"
    batch = gateway.submit({"file": job("lines.py"), "args": ["0"],
                            "name": name})
    sign_in(page, gateway, path="#/batches")
    page.wait_text(name.replace("\u202e", "\\u202e"))
    page.script(f"location.hash = '#/batches/{batch['id']}'")
    page.wait("document.querySelector('[data-field=Name]')"
              "?.innerText.includes('<script>')")
    assert page.script("document.querySelectorAll('main img, main script')"
                       ".length") == 0
    clean(page, gateway.url, troubles=True)


# The overview's own route

def test_the_overview_is_bounded_and_true(gateway, job):
    ids = [gateway.submit({"file": job("fail.py")})["id"] for _ in range(2)]
    for batch_id in ids:
        gateway.wait_state(batch_id, "dead")

    r = gateway.get("/status/api/v1/overview")
    body = r.json()
    assert r.headers["Content-Type"] == "application/json;charset=utf-8"
    assert abs(body["now"] - time.time() * 1000) < 60_000
    assert body["watch"]["synced"] is True
    assert body["watch"]["objects"] == \
        body["batches"]["total"] + body["sessions"]["total"]
    newest = [e for e in body["failed"] if e["view"]["id"] in ids]
    assert [e["view"]["id"] for e in newest][:1] == [max(
        ids, key=lambda i: (next(e["since"] for e in newest
                                 if e["view"]["id"] == i), i))]

    def same(entry):    # a view may have more of the log
        view = gateway.get(f"/batches/{entry['view']['id']}").json()
        return dict(entry["view"], log=0) == dict(view, log=0) and \
            entry["view"]["log"][-1] == view["log"][-1]
    wait_for("entries to be as their views", lambda: all(
        same(e) for e in gateway.get("/status/api/v1/overview").json()[
            "failed"] if e["view"]["id"] in ids))
    sinces = [e["since"] for e in body["failed"]]
    assert sinces == sorted(sinces, reverse=True) and len(sinces) <= 20


def test_the_overview_needs_a_sign_in_and_get(gateway):
    path = "/status/api/v1/overview"

    assert gateway.call("GET", path,
                        session=gateway.client()).status_code == 401
    assert gateway.post(path, {}).status_code == 405
    assert gateway.get(path + "/").status_code == 404


def test_what_waits_longest_comes_first(maker):
    cluster = maker.cluster()
    cluster.localspark.stop()
    gateway = maker.gateway(cluster)
    for i in range(22):
        gateway.submit({"file": "local:///none.py", "name": f"w{i}"})

    body = wait_for("all to be seen", lambda: (b := gateway.get(
        "/status/api/v1/overview").json())["batches"]["total"] == 22 and b)
    assert body["batches"]["states"] == {"starting": 22}
    sinces = [e["since"] for e in body["waiting"]]
    assert len(sinces) == 20 and sinces == sorted(sinces)
    assert body["waiting"][0]["kind"] == "batch"
    assert any("waiting for the Spark Operator" in line
               for line in body["waiting"][0]["view"]["log"])


# A session of the gateway, with an agent that has the real one's HTTP side

@pytest.fixture(scope="module")
def talking(session_maker, cluster, workdir):
    return session_maker.gateway(cluster, settings=dict(
        repl.settings(workdir), gateway="talking"))


def test_a_session_is_the_apis_and_grows_by_itself(talking, page):
    live = repl.Session(talking)
    live.result(live.post("6 * 7").json()["id"])
    sign_in(page, talking, path=f"#/sessions/{live.id}")
    page.wait_text("6 * 7")
    page.script("document.querySelector('.statements').dataset.mark = 'me'")

    live.result(live.post("'new ' + 'result'").json()["id"])
    live.result(live.post("1 / 0").json()["id"])
    page.wait_text("ZeroDivisionError")
    told = talking.get(f"/sessions/{live.id}/statements").json()
    assert page.texts("pre.code") == [s["code"] for s in told["statements"]]
    said = page.texts(".statements > li .output")
    assert "42" in said[0] and "new result" in said[1]
    assert page.script(
        "document.querySelector('.statements').dataset.mark") == "me"
    page.wait("document.querySelector('h1 .state').innerText === 'idle'")
    page.click(".actions button", "Stop")
    page.click("dialog button", "Stop")
    page.wait("document.querySelector('h1 .state').innerText === 'dead'")
    assert live.state() == "dead"
    clean(page, talking.url, troubles=True)


def test_an_idle_session_is_counted_as_such(talking):
    live = repl.Session(talking)
    live.wait("idle")

    wait_for("the overview to know", lambda: talking.get(
        "/status/api/v1/overview").json()["sessions"]["states"].get("idle"))
    live.delete()


def test_a_page_that_is_left_open_keeps_no_session_alive(talking, page):
    live = repl.Session(talking, {"kind": "pyspark",
                                  "heartbeatTimeoutInSecond": 9})
    sign_in(page, talking, path=f"#/sessions/{live.id}")

    page.wait("document.querySelector('h1 .state')?.innerText === 'dead'")
    assert [u for u in page.requests if u.endswith(f"/sessions/{live.id}")]


# A session, by the stand-in

def test_a_session_is_shown_with_its_statements(lively, page):
    page.go(lively.url + "#/sessions/7")
    page.wait_text("Statement 6")
    statements = lively.world.statements[7]

    assert page.texts("pre.code") == [s["code"] for s in statements]
    assert page.texts(".statements .state") == [
        "available"] * 4 + ["failed", "running", "waiting"]
    said = page.texts(".statements > li")
    assert "1048576" in said[0] and "ZeroDivisionError" in said[4]
    assert page.script("document.querySelector('.output img')"
                       ".naturalWidth") == 480
    assert page.script("document.querySelector('progress').value") == 0.42
    assert "spark.sql.shuffle.partitions = 64" in page.text("dl")
    assert page.script("[...document.querySelectorAll('.links a')]"
                       ".map((a) => [a.href, a.rel])") == [
        [f"https://{host}.example/s-7", "noopener noreferrer"]
        for host in ("spark", "logs")]
    clean(page, lively.origin)


def test_tables_are_the_apis_and_grow_on_demand(lively, page):
    page.go(lively.url + "#/sessions/7")
    page.wait_text("120 rows")
    rows = "[...document.querySelectorAll('.statements > li:nth-child(2) " \
        "tbody tr')].map((r) => [...r.cells].map((c) => c.innerText))"
    data = lively.world.statements[7][1]["output"]["data"][
        "application/json"]["data"]
    text = [["null" if v is None else str(v) for v in row] for row in data]

    assert page.script(rows) == text[:50]
    page.click(".output .more", "Show more")
    page.click(".output .more", "Show more")
    assert page.script(rows) == text
    assert page.texts(".statements > li:nth-child(3) th") == [
        "customer\nSTRING_TYPE", "orders\nINT_TYPE"]


def test_numbers_are_shown_as_they_were_written(stub, page):
    raw = '{"schema":{"fields":[{"name":"n","type":"long"}]},"data":' \
        "[[9007199254740993],[1.0E8],[1.0],[-0.0],[12345678901234567890.12]]}"
    stub.world.things["sessions"] = [session(0, "idle")]
    answer = json.dumps({"total_statements": 1, "statements": [statement(
        0, "select", {"data": {"application/json": "HERE"}})]})
    stub.world.troubles["/sessions/0/statements"] = (
        200, answer.replace('"HERE"', raw), ())
    page.go(stub.url + "#/sessions/0")
    page.wait_text("5 rows")

    assert page.texts(".output td") == [
        "9007199254740993", "1.0E8", "1.0", "-0.0",
        "12345678901234567890.12"]


def test_statements_come_and_end_without_a_reload(stub, page):
    world = stub.world
    world.things["sessions"] = [session(0, "idle")]
    world.statements[0] = [statement(i, f"old({i})", {"data": {
        "text/plain": f"result {i}"}}) for i in range(45)]
    page.go(stub.url + "#/sessions/0")
    page.wait_text("result 44")
    assert len(page.texts(".statements > li")) == 20
    page.script("document.querySelector('.statements').dataset.mark = 'me'")

    world.statements[0].append(statement(45, "new()", None, "running"))
    page.wait_text("new()")
    world.statements[0][45] = statement(45, "new()", {"data": {
        "text/plain": "fresh result"}})
    page.wait_text("fresh result")
    assert page.script(
        "document.querySelector('.statements').dataset.mark") == "me"
    page.click("button", "Show older statements")
    page.wait_text("result 5")
    assert len(page.texts(".statements > li")) == 41
    sizes = [int(re.search(r"size=(\d+)", path)[1]) for _, path
             in world.asked if "/statements?" in path]
    assert max(sizes) <= 20
    clean(page, stub.origin)


def test_cancel_and_stop_ask_first(lively, page):
    page.go(lively.url + "#/sessions/7")
    page.click(".statements button", "Cancel")
    page.click("dialog button", "Keep it")
    assert [m for m, _ in lively.world.asked if m != "GET"] == []
    page.click(".statements button", "Cancel")
    page.click("dialog button", "Cancel it")
    page.wait_text("cancelled")
    page.click(".actions button", "Stop")
    page.click("dialog button", "Stop")
    page.wait("document.querySelector('h1 .state').innerText === 'dead'")

    assert [a for a in lively.world.asked if a[0] != "GET"] == [
        ("POST", "/sessions/7/statements/5/cancel"),
        ("POST", "/sessions/7/stop")]
    clean(page, lively.origin)


def test_hostile_output_does_no_harm(stub, page):
    bad = sample.HOSTILE + sample.RTL + "\u001b[31mred\u001b[0m\u0007"
    long = "x" * (1 << 20)
    world = stub.world
    world.things["sessions"] = [session(0, "idle", [bad], name=bad,
                                        owner=bad, kind=bad,
                                        conf={bad: bad}, jars=[bad])]
    world.statements[0] = [
        statement(0, bad, {"data": {"text/plain": bad, "text/html": bad,
                                    "image/png": '"><script>alert(3)',
                                    "application/json": {bad: bad}}}),
        statement(1, bad, {"status": "error", "ename": bad, "evalue": bad,
                           "traceback": [bad]}),
        statement(2, long, {"data": {"text/plain": long}}),
        statement(3, "t", {"data": {"application/vnd.livy.table.v1+json": {
            "headers": [{"name": bad, "type": bad}], "data": [[bad], [long],
                                                             [{bad: 1}]]}}}),
        statement(4, "u", {"data": {"__proto__": bad, "x/y": 7}}),
        statement(5, "v", {"data": {"application/json": {
            "schema": {"fields": "none"}, "data": 5}}}),
    ]
    world.things["sessions"][0]["appInfo"]["sparkUiUrl"] = \
        "javascript:alert(4)"
    world.logs[("sessions", 0)] = [bad, long, "", "\u2028"]
    page.go(stub.url + "#/sessions/0")
    page.wait_text("Statement 5")
    page.wait("document.querySelectorAll('.log > div').length >= 6")

    assert page.script("document.querySelectorAll('main script, main img, "
                       "main a[href^=\"javascript\" i]').length") == 0
    assert page.script("document.querySelector('main').innerText.length") \
        < 200_000
    assert "\\u202e" in page.text("dl") and "\u202e" not in page.text()
    page.click(".more", "Show all 1,048,576 characters")
    page.click(".log .more")
    assert page.script("Math.max(...[...document.querySelectorAll('pre')]"
                       ".map((e) => e.textContent.length))") == 1 << 20
    page.wait("document.body.dataset.live === 'live'")
    page.go(stub.url + "#/sessions")
    page.wait_text("<script>")
    clean(page, stub.origin)


# The log

def numbered(first, last):
    return [f"line {i}" for i in range(first, last)]


def test_a_log_is_followed_by_its_line_numbers(stub, page):
    world = stub.world
    world.things["batches"] = [batch(0, "running")]
    world.logs[("batches", 0)] = numbered(0, 3000)
    page.go(stub.url + "#/batches/0")
    page.wait_text("line 2999")
    assert len(page.texts(".log > div")) == 500
    del world.asked[:]

    world.logs[("batches", 0)] = numbered(0, 4200)
    page.wait_text("line 4199")
    log = page.texts(".log > div")
    assert log[-1] == "stderr:"
    assert log[:-1] == numbered(2501, 4200)
    froms = [path for _, path in world.asked if "/log" in path]
    assert froms and all("from=" in path for path in froms)
    page.click("button", "Show older lines")
    page.wait_text("line 2001")
    assert page.texts(".log > div")[:-1] == numbered(2001, 4200)
    clean(page, stub.origin)


def test_a_log_that_drops_lines_is_read_anew(stub, page):
    world = stub.world
    world.things["batches"] = [batch(0, "running")]
    world.logs[("batches", 0)] = numbered(0, 200)
    page.go(stub.url + "#/batches/0")
    page.wait_text("line 199")

    world.logs[("batches", 0)] = numbered(50, 250)   # only the last 200
    page.wait_text("line 249")
    assert page.texts(".log > div")[1:-1] == numbered(50, 250)


def test_an_ended_log_is_not_asked_for_again(stub, page):
    world = stub.world
    world.things["batches"] = [batch(0, "success")]
    world.logs[("batches", 0)] = numbered(0, 10)
    page.go(stub.url + "#/batches/0")
    page.wait_text("line 9")
    page.rest(2)    # what is on its way
    del world.asked[:]
    page.rest(4)

    assert [path for _, path in world.asked if "/log" in path] == []


# Troubles

def test_a_gateway_that_goes_down_and_comes_back(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    lively.world.troubles["/"] = (502, '{"msg":"502 Bad Gateway: no worker '
                                  'of livy-fcgi answered."}', ())
    page.wait_text("Out of date")
    assert "no worker" in page.text("#trouble")
    page.wait("/^as of [0-9]+ s ago$/.test(age.innerText)")
    assert "month-end" in page.text("main")

    lively.world.troubles.clear()
    page.click("#now")
    page.wait("document.body.dataset.live === 'live'")
    assert page.text("#age") == page.text("#trouble") == ""
    clean(page, lively.origin, troubles=True)


def test_no_server_at_all_is_said_and_got_over(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    lively.stop()
    page.wait_text("cannot be reached")
    lively.start()
    page.wait("document.body.dataset.live === 'live'")


@pytest.mark.parametrize("status, body, text", [
    (403, "{}", "Not allowed"), (404, '{"msg":"Session \'7\' not found."}',
                                 "Session '7' not found."),
    (502, "<html>bad</html>", "The gateway is down"),
    (503, '{"msg":"503 Service Temporarily Unavailable"}', "not ready"),
    (504, "", "too slow"), (500, '"java.lang.Exception: no"',
                            "java.lang.Exception: no"),
    (200, "{", "not JSON")])
def test_a_trouble_from_the_start_is_said(status, body, text, lively, page):
    lively.world.troubles["/sessions/7"] = (status, body, ())
    page.go(lively.url + "#/sessions/7")

    page.wait_text(text)
    lively.world.troubles.clear()
    if status not in (403, 404):
        page.wait_text("sales-notebook")
    clean(page, lively.origin, troubles=True)


def test_asking_backs_off(lively, page):
    lively.world.troubles["/"] = (503, "{}", (("Retry-After", "30"),))
    page.go(lively.url + "#/sessions")
    page.wait_text("not ready")
    page.rest(2)    # what is on its way
    del lively.world.asked[:]
    page.rest(6)

    assert lively.world.asked == []


def test_a_hidden_page_asks_nothing(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    hide = "Object.defineProperty(document, 'hidden', {{configurable: true, " \
        "get: () => {}}}); " \
        "document.dispatchEvent(new Event('visibilitychange'))"
    page.script(hide.format("true"))
    page.rest(2)
    del lively.world.asked[:]
    page.rest(6)
    assert lively.world.asked == []
    page.script(hide.format("false"))
    wait_for("the page to ask again",
             lambda: page.rest(0.1) or lively.world.asked)


def test_a_gateway_that_is_not_ready_says_why(lively, page):
    lively.world.ready = (503, "the applications are being listed\n")
    page.go(lively.url)
    page.wait_text("Not ready")
    assert "the applications are being listed" in page.text()
    lively.world.ready = (200, "ok\n")
    page.wait_text("year-end-report")
    clean(page, lively.origin, troubles=True)


def test_nothing_there_is_said(stub, page):
    for path, text in (("#/sessions", "There are no sessions yet."),
                       ("#/batches", "There are no batches yet."),
                       ("", "Nothing waits.")):
        page.go(stub.url + path)
        page.wait_text(text)
    clean(page, stub.origin)


# Lists

def test_ten_thousand_rows_are_paged_through_the_api(stub, page):
    stub.world.things["batches"] = [
        batch(i, "success", name=f"n{i}") for i in range(10_000)]
    page.go(stub.url + "#/batches")
    page.wait_text("n9999")
    assert cells(page, "id") == [str(i) for i in range(9999, 9949, -1)]
    page.click("button", "Older →")
    page.wait_text("n9949")
    page.go(stub.url + "#/batches?page=20&size=500")
    page.wait_text("page 20 of 20")
    page.wait("document.querySelectorAll('tbody tr').length === 500")
    assert cells(page, "id")[-1] == "0"
    page.click("th button", "Id")
    page.wait("document.querySelector('tbody .c-id')?.innerText === '0'")
    assert "page 1 of 20" in page.text("#summary")

    sizes = [int(re.search(r"size=(\d+)", path)[1]) for _, path
             in stub.world.asked if path.startswith("/batches")]
    assert max(sizes) <= 500
    clean(page, stub.origin)


def test_the_page_of_a_list_is_sorted_and_filtered(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    views = lively.world.things["sessions"]
    page.click("th button", "State")
    assert cells(page, "state") == sorted(v["state"] for v in views)
    assert page.script("document.querySelector('[aria-sort]').innerText") \
        .startswith("State")
    page.type("#filter", "NOTE")
    page.wait("document.querySelectorAll('tbody tr').length === 1")
    assert cells(page, "name") == ["sales-notebook"]
    assert "1 of 6 rows" in page.text("#summary")
    link = page.script("location.href")
    page.go(link)
    page.wait_text("sales-notebook")
    assert cells(page, "name") == ["sales-notebook"]


def test_one_is_opened_by_id_or_name(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    page.type("#open", "first try")
    page.key("Enter", text="\r")
    page.wait_text("What it waits for")
    assert page.script("location.hash") == "#/sessions/first%20try"


# Everybody

@pytest.mark.parametrize("path, text", [
    ("", "Batch 42"), ("#/sessions", "month-end"), ("#/batches", "nightly"),
    ("#/sessions/7", "Statement 6"), ("#/sessions/10", "stderr:")])
def test_a_phone_never_scrolls_sideways(path, text, lively, page):
    page.size(390, 844, phone=True)
    page.go(lively.url + path)
    page.wait_text(text)

    assert page.script("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_reaches_the_content_first(lively, page):
    page.go(lively.url + "#/sessions")
    page.wait_text("month-end")
    page.key("Tab")
    assert page.script("document.activeElement.id") == "skip"
    page.key("Enter", text="\r")
    assert page.script("document.activeElement.id") == "main"
    page.script("document.querySelector('tbody a').focus()")
    held = page.script("document.activeElement.innerText")
    for view in lively.world.things["sessions"]:
        view["owner"] = "changed"
    page.wait_text("changed")
    assert page.script("document.activeElement.innerText") == held


def test_every_field_and_button_has_a_name(lively, page):
    for path, text in (("#/sessions", "month-end"),
                       ("#/sessions/7", "Statement 6"), ("", "Batch 42")):
        page.go(lively.url + path)
        page.wait_text(text)
        nodes = page.send("Accessibility.getFullAXTree")["nodes"]
        nameless = [n["role"]["value"] for n in nodes if not n["ignored"] and
                    n["role"]["value"] in ("button", "link", "textbox",
                                           "searchbox", "combobox", "image",
                                           "checkbox", "table", "progressbar",
                                           "dialog", "region")
                    and not n.get("name", {}).get("value")]
        assert nameless == []
        assert len(page.texts("h1")) == 1
