"""Debian's Chromium without a screen, driven by its own protocol over a pipe:
no driver program, no library, no port."""

import base64
import fcntl
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

from procs import DEADLINE

FLAGS = ("--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
         "--no-proxy-server", "--remote-debugging-pipe")
PROGRAMS = ("chromium-headless-shell", "chromium")


def program():
    for name in PROGRAMS:
        if shutil.which(name):
            return shutil.which(name)
    raise RuntimeError("no Chromium: apt-get install chromium-headless-shell")


def sandbox_flags():
    """Its sandbox needs user namespaces and no root."""
    works = os.geteuid() != 0 and subprocess.run(
        ["unshare", "-U", "true"], capture_output=True).returncode == 0
    return () if works else ("--no-sandbox",)


def pipe():
    """A pipe whose ends are none of the descriptors that it becomes."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high


class Browser:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lt-browser-", dir="/tmp")
        theirs_in, self.out = pipe()
        self.inp, theirs_out = pipe()
        self.log = open(f"{self.folder}/log", "wb")
        # The protocol's ends are the descriptors 3 and 4.
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
             "bash", program(), *FLAGS, *sandbox_flags(),
             f"--user-data-dir={self.folder}", "about:blank"],
            pass_fds=(theirs_in, theirs_out), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=dict(os.environ, HOME=self.folder))
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.bytes, self.pages = 0, b"", {}

    def close(self):
        try:
            self.send("Browser.close", wait=False)
            self.process.wait(10)
        except (RuntimeError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.inp)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method, session=None, wait=True, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self.out, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise self.ended() from None
        if not wait:
            return None
        number, end = self.number, time.monotonic() + DEADLINE
        while True:
            answer = self.receive(end)
            if answer is None:
                raise AssertionError(f"Chromium did not answer {method}")
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def ended(self):
        with open(f"{self.folder}/log", errors="replace") as log:
            return RuntimeError("Chromium ended:\n" + log.read()[-2000:])

    def receive(self, end):
        """The next message; events go to their page too. None: too late."""
        while b"\0" not in self.bytes:
            ready, _, _ = select.select([self.inp], [], [],
                                        max(0, end - time.monotonic()))
            if not ready:
                return None
            got = os.read(self.inp, 1 << 20)
            if not got:
                raise self.ended()
            self.bytes += got
        line, _, self.bytes = self.bytes.partition(b"\0")
        message = json.loads(line)
        page = self.pages.get(message.get("sessionId"))
        if page and "method" in message:
            page.event(message["method"], message["params"])
        return message

    def page(self, width=1280, height=800, dark=False):
        return Page(self, width, height, dark)


class Page:
    """One window with cookies and passwords of its own."""

    def __init__(self, browser, width, height, dark):
        self.browser = browser
        self.context = browser.send("Target.createBrowserContext")[
            "browserContextId"]
        self.target = browser.send(
            "Target.createTarget", url="about:blank",
            browserContextId=self.context)["targetId"]
        self.session = browser.send("Target.attachToTarget",
                                    targetId=self.target,
                                    flatten=True)["sessionId"]
        browser.pages[self.session] = self
        self.errors, self.requests, self.dialogs = [], [], []
        self.credentials = None
        self.asked_for_password = 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Security.setIgnoreCertificateErrors", ignore=True)
        self.send("Fetch.enable", handleAuthRequests=True)
        self.look(width, height, dark=dark)

    def close(self):
        self.browser.pages.pop(self.session)
        self.browser.send("Target.disposeBrowserContext",
                          browserContextId=self.context)

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def tell(self, method, **params):
        self.browser.send(method, self.session, wait=False, **params)

    def event(self, method, params):
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get(
                "description") or details["text"])
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(" ".join(
                str(a.get("value", a.get("description")))
                for a in params["args"]))
        elif method == "Log.entryAdded":
            entry = params["entry"]
            self.errors.append(f"{entry['source']}: {entry['text']} "
                               f"{entry.get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            self.dialogs.append(params["message"])
            self.tell("Page.handleJavaScriptDialog", accept=False)
        elif method == "Fetch.requestPaused":
            self.tell("Fetch.continueRequest", requestId=params["requestId"])
        elif method == "Fetch.authRequired":
            self.asked_for_password += 1
            answer = {"response": "CancelAuth"}
            if self.credentials:
                answer = {"response": "ProvideCredentials",
                          "username": self.credentials[0],
                          "password": self.credentials[1]}
            self.tell("Fetch.continueWithAuth",
                      requestId=params["requestId"],
                      authChallengeResponse=answer)

    def look(self, width, height, phone=False, dark=False):
        self.size(width, height, phone)
        self.send("Emulation.setEmulatedMedia", features=[{
            "name": "prefers-color-scheme",
            "value": "dark" if dark else "light"}])

    def size(self, width, height, phone=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=phone)

    def go(self, url):
        """Opens an address anew, even if only its fragment differs."""
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def script(self, code):
        """The value of an expression, or of the promise that it is."""
        result = self.send("Runtime.evaluate", expression=code,
                           returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get(
                "description") or details["text"])
        return result["result"].get("value")

    def wait(self, code, seconds=DEADLINE):
        end = time.monotonic() + seconds
        while True:
            try:
                value = self.script(code)
            except RuntimeError as e:    # the page is being loaded
                value = None
                if time.monotonic() > end:
                    raise AssertionError(f"{code}: {e}") from None
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(
                    f"waited {seconds:.0f} s for {code}; the page says:\n" +
                    self.text()[:3000] + "\n".join(self.errors))
            self.browser.receive(time.monotonic() + 0.1)

    def wait_text(self, text, seconds=DEADLINE):
        self.wait("document.body.innerText.includes(%s)" % json.dumps(text),
                  seconds)

    def rest(self, seconds):
        """Lets it do what it does: requests wait for us to hear of them."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.browser.receive(end)

    def text(self, selector="body"):
        return self.script(
            f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def texts(self, selector):
        return self.script(
            f"[...document.querySelectorAll({json.dumps(selector)})]"
            ".map((e) => e.innerText.trim())")

    def click(self, selector, text=None):
        """The first such element, which must be there and enabled."""
        find = f"[...document.querySelectorAll({json.dumps(selector)})]" \
            f".find((e) => {json.dumps(text)} === null || " \
            f"e.innerText.trim() === {json.dumps(text)})"
        self.wait(f"({find})?.disabled === false || "
                  f"({find})?.matches('a, summary') === true")
        self.script(f"({find}).click()")

    def type(self, selector, text):
        self.wait(f"!!document.querySelector({json.dumps(selector)})")
        self.script(f"document.querySelector({json.dumps(selector)}).focus()")
        self.send("Input.insertText", text=text)

    def key(self, name, code=None, text=None):
        more = {"text": text} if text else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=name,
                      code=code or name,
                      windowsVirtualKeyCode={"Enter": 13, "Tab": 9}.get(
                          name, 0), **(more if kind == "keyDown" else {}))

    def picture(self, path, whole=True):
        """A PNG of the page; all of it, however long."""
        more = {}
        if whole:
            box = self.send("Page.getLayoutMetrics")["cssContentSize"]
            more = {"captureBeyondViewport": True, "clip": {
                "x": 0, "y": 0, "width": box["width"],
                "height": min(box["height"], 4000), "scale": 1}}
        data = self.send("Page.captureScreenshot", format="png", **more)
        pathlib.Path(path).write_bytes(base64.b64decode(data["data"]))
