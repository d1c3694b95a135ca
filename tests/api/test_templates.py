"""What templates and their policy make of requests: by POST, by a dry run,
and by livy-fcgi render."""

import json
import re
import shutil

import pytest

from rig import SRC
from test_config import minimal

local = pytest.mark.local

CHILD = """extends = "batch.cfg";
application = { spec = {
    nodeSelector = ( ("pool", "gpu") );
    driver = { template = { spec = { containers = ( {
        name = "spark-kubernetes-driver";
        envFrom = ( { if = "queue"; secretRef = {
            name = "queue-${queue}"; optional = true; }; } );
    } ); }; }; };
}; };
"""
RULES = """templates = { choose = (
    { kind = "batch"; queue = "gpu*"; template = "gpu.cfg"; },
    { kind = "batch"; conf = "spark.size=big"; template = "gpu.cfg"; },
    { kind = "batch"; conf = "spark.any"; template = "gpu.cfg"; } ); };
"""
# Values that JSON, libconfig, shells or Spark could stumble over.
ODD = {
    "spark.prophecy.tasks": "H4sIAAAAAAAA/+3Bg=={}/=+",
    "spark.x.json": '{"a": ["b", {"c": "d\\"e"}], "f": "${g} $${h}"}',
    "spark.x.lines": "one\ntwo\r\n\tthree",
    "spark.x.unicode": "Grüße, 世界 🚀 \u2028",
    "spark.x.quotes": "'a' \"b\" `c` $(d) \\ %s %n",
    "spark.x.long": "x=/+" * 25600,
    "spark.jars.packages": "",
    "spark.x.empty": "",
}
URIS = ["https://libs.example/a_b-1.0-py3-none-any.whl?sig=a%2Fb%3D&x=1#f",
        "gs://bucket/p a t h/l.whl".replace(" ", "%20"), "s3a://b/c.zip",
        "s3://b/c.jar"]


def takes(cluster, manifest):
    """Whether the cluster would take what was rendered, with no field that
    it does not know."""
    body = {**manifest, "metadata": {**manifest["metadata"],
                                     "namespace": cluster.namespace}}
    r = cluster.kube.call("POST", cluster.kube.path("sparkapplications") +
                          "?dryRun=All&fieldValidation=Strict", body)
    assert r.status_code == 201, r.text
    return "Warning" not in r.headers


@pytest.fixture
def site(gateway, cluster, tmp_path):
    """render and -t with templates of one's own; the cluster at hand looks at
    all that is rendered."""
    class Site:
        def __init__(self):
            self.config = minimal(tmp_path, RULES)
            (tmp_path / "templates").unlink()
            (tmp_path / "templates").mkdir()
            for path in (SRC / "conf/templates").glob("*.cfg"):
                (tmp_path / "templates" / path.name).write_text(
                    path.read_text())
            (tmp_path / "templates/gpu.cfg").write_text(CHILD)

        def edit(self, old, new, name="batch.cfg"):
            path = tmp_path / "templates" / name
            assert old in path.read_text()
            path.write_text(path.read_text().replace(old, new, 1))

        def rules(self, text):
            whole = self.config.read_text()
            assert RULES in whole
            self.config.write_text(whole.replace(RULES, text))

        def check(self):
            return gateway.command("-t", config=self.config)

        def run(self, body, *options):
            (tmp_path / "request.json").write_text(json.dumps(
                {"file": "local:///a.py", **body}))
            done = gateway.command(*options, "render", "batch",
                                   tmp_path / "request.json",
                                   config=self.config)
            if done.returncode == 0:
                shown = json.loads(done.stdout)
                assert takes(cluster, shown.get("manifest", shown))
            return done

        def spec(self, **body):
            done = self.run(body)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)["spec"]

        def refused(self, **body):
            done = self.run(body)
            assert done.returncode == 1
            return done.stderr
    return Site()


@pytest.mark.parametrize("body", [
    {"queue": "gpu-1"}, {"conf": {"spark.size": "big"}},
    {"conf": {"spark.any": ""}}])
def test_rules_choose_the_template(site, body):
    assert site.spec(**body)["nodeSelector"] == {"pool": "gpu"}


@pytest.mark.parametrize("body", [
    {}, {"queue": "cpu"}, {"conf": {"spark.size": "small"}}])
def test_no_rule_leaves_the_kinds_own_template(site, body):
    assert "nodeSelector" not in site.spec(**body)


ASKERS = """templates = { choose = (
    { kind = "batch"; user = "ana"; template = "gpu.cfg"; },
    { kind = "batch"; team = "ml"; queue = "big"; template = "gpu.cfg"; },
    { kind = "batch"; user = [ "carl", "svc-*" ]; team = [ "o*", "hr" ];
      queue = ( "a", "b*" ); template = "gpu.cfg"; },
    { kind = "batch"; user = "*"; queue = "all"; template = "gpu.cfg"; } ); };
"""


@pytest.mark.parametrize("options, queue, chosen", [
    (("-u", "ana"), "", True), (("-u", "ANA"), "", False),
    (("-u", "bob", "--team", "data,ml"), "big", True),
    (("-u", "bob", "--team", "data, ml"), "big", True),
    (("-u", "bob", "--team", "data,ml"), "", False),
    (("-u", "bob", "--team", "mlops,xml"), "big", False),
    (("-u", "ml"), "big", False),
    (("-u", "carl", "--team", "data,ops"), "a", True),
    (("-u", "svc-a", "--team", "hr"), "bb", True),
    (("-u", "svc", "--team", "hr"), "bb", False),
    (("-u", "svc-a", "--team", "hrm"), "bb", False),
    (("-u", "svc-a"), "bb", False),
    (("-u", "carl", "--team", "ops"), "aa", False),
    (("-u", "anybody"), "all", True), (("-u", ""), "all", False)])
def test_rules_choose_by_who_asks(site, options, queue, chosen):
    site.rules(ASKERS)
    done = site.run({"queue": queue}, *options)
    assert done.returncode == 0, done.stderr

    assert ("nodeSelector" in json.loads(done.stdout)["spec"]) == chosen


@pytest.mark.parametrize("teams, team", [
    ("data,ops", "ops"), ("hr, ops", "hr"), ("data", "data")])
def test_the_team_is_the_one_that_the_rule_asked_for(teams, team, site):
    site.rules(ASKERS)

    done = site.run({"queue": "a"}, "-u", "carl", "--team", teams,
                    "--explain")

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["manifest"]["metadata"]["annotations"][
        "livy-fcgi/team"] == team
    rule = ('user = [ "carl", "svc-*" ], team = [ "o*", "hr" ], '
            'queue = [ "a", "b*" ]')
    assert (rule in (shown.get("rule") or "")) == (team != "data")


def test_a_template_knows_the_team(site):
    site.edit('mode = "cluster";', 'mode = "cluster"; '
              'batchScheduler = "${team}";')

    done = site.run({}, "--team", "data,ml", "--explain")
    assert done.returncode == 0, done.stderr
    spec = json.loads(done.stdout)
    assert spec["manifest"]["spec"]["batchScheduler"] == "data"
    assert "team, who asks" in spec["fields"]["spec.batchScheduler"]


@local
@pytest.mark.parametrize("rules, line", [
    (({"queue": "gpu*"}, {"queue": "gpu-a100"}), 2),
    (({"queue": "gpu*"}, {"queue": "gpu-*", "team": "ml"}), 2),
    (({}, {"user": "ana"}), 2),
    (({"conf": "spark.a"}, {"conf": "spark.a=1"}), 2),
    (({"queue": "gpu-*"}, {"queue": "gpu*"}), None),
    (({"user": "ana"}, {"user": "bob"}), None),
    (({"team": "ml"}, {"team": "mlops"}), None),
    (({"conf": "spark.a=1"}, {"conf": "spark.a"}), None),
    (({"user": ["a*", "b"]}, {"user": ["b", "ab"], "queue": "x"}), 2),
    (({"user": "*"}, {"user": "ana"}), 2),
    (({"user": ["a*", "b"]}, {"user": ["ab", "c"]}), None),
    (({"team": "ml"}, {"team": "ml*"}), None),
    (({"team": "ml", "queue": "a"}, {"team": "ml"}), None)])
def test_a_rule_that_never_counts_is_told(site, rules, line):
    text = ",\n".join("{ kind = \"batch\"; template = \"gpu.cfg\"; %s }" % (
        " ".join(f"{k} = {json.dumps(v)};" for k, v in rule.items()))
        for rule in rules)
    site.rules("templates = { choose = (\n%s ); };\n" % text)
    start = site.config.read_text().split("choose")[0].count("\n") + 1

    done = site.check()

    assert done.returncode == 0, done.stderr
    told = [w for w in done.stdout.splitlines() if "never counts" in w]
    assert [w.split("livy-fcgi.cfg:")[1] for w in told] == (
        [f"{start + line}: templates.choose: this rule never counts: what "
         f"fits it fits the one of line {start + 1}"] if line else [])


@local
@pytest.mark.parametrize("member, said", [
    ('group = "x";', "group is unknown (there are kind, user, team, queue, "
                     "conf, template)"),
    ('team = "a,b";', "team must be teams without blanks and commas"),
    ('team = [ "a", "b c" ];', "team must be teams without blanks and commas"),
    ('user = "";', "user must be a text or a list of texts"),
    ('user = [ "a", "" ];', "user must be a text or a list of texts"),
    ('queue = [ 1, 2 ];', "queue must be a text or a list of texts"),
    ('user = [ ];', "user must not be empty"),
    ('conf = [ "a", "b" ];', "conf must be a text")])
def test_a_wrong_member_of_a_rule_is_refused(site, member, said):
    site.rules("templates = { choose = ( { kind = \"batch\"; "
               'template = "gpu.cfg"; %s } ); };\n' % member)

    done = site.check()

    assert done.returncode == 1
    assert f"templates.choose: {said}" in done.stderr


@local
def test_all_problems_are_told_each_with_its_line(site):
    path = site.config.parent / "templates/gpu.cfg"
    path.write_text('extends = "batch.cfg";\napplication = { spec = {\n' +
                    "".join(f'wrong{i} = "a rather long text to fill'
                            f' {"x" * 60} ${{nobody{i}}}";\n'
                            for i in range(230)) + "}; };\n")

    done = site.check()

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 201 and lines[-1] == "(and 30 more)"
    for i, line in enumerate(lines[:-1]):
        assert line.startswith(f"{path}:{i + 3}: wrong{i}: unknown variable "
                               f"'nobody{i}'"), line


def test_a_queue_brings_the_environment_of_its_secret(site):
    container, = site.spec(queue="gpu1")["driver"]["template"]["spec"][
        "containers"]

    assert container["envFrom"] == [
        {"secretRef": {"name": "queue-gpu1", "optional": True}}]
    assert [e["name"] for e in container["env"]] == [
        "PYTHONUNBUFFERED", "LANG"]


def test_conf_keys_become_fields(site):
    spec = site.spec(conf={
        "spark.driver.memory": "2g", "spark.executor.memory": "3g",
        "spark.driver.cores": "2", "spark.executor.cores": "3",
        "spark.executor.instances": "4",
        "spark.kubernetes.driver.limit.cores": "1500m",
        "spark.kubernetes.executor.request.cores": "0.5",
        "spark.driver.memoryOverhead": "512m"})

    assert spec["driver"] | {"template": None} == {
        "cores": 2, "memory": "2g", "coreLimit": "1500m",
        "memoryOverhead": "512m", "serviceAccount": "spark",
        "template": None}
    assert spec["executor"] | {"template": None} == {
        "cores": 3, "memory": "3g", "coreRequest": "0.5", "instances": 4,
        "template": None}
    assert set(spec["sparkConf"]) == {
        "spark.jars.ivy", "spark.hadoop.fs.s3.impl",
        "spark.kubernetes.executor.podNamePrefix"}


def test_a_field_of_the_request_wins_over_its_conf_key(site):
    spec = site.spec(driverMemory="5g", numExecutors=7, conf={
        "spark.driver.memory": "2g", "spark.executor.instances": "4"})

    assert spec["driver"]["memory"] == "5g"
    assert spec["executor"]["instances"] == 7


def test_dynamic_allocation_may_start_with_no_executor(site):
    spec = site.spec(conf={
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.initialExecutors": "0",
        "spark.dynamicAllocation.minExecutors": "0",
        "spark.dynamicAllocation.maxExecutors": "9",
        "spark.dynamicAllocation.executorIdleTimeout": "30s"})

    assert spec["dynamicAllocation"] == {
        "enabled": True, "initialExecutors": 0, "minExecutors": 0,
        "maxExecutors": 9}
    assert "instances" not in spec["executor"]
    assert spec["sparkConf"][
        "spark.dynamicAllocation.executorIdleTimeout"] == "30s"


@pytest.mark.parametrize("asked", [
    {"numExecutors": 0}, {"conf": {"spark.executor.instances": "0"}},
    {"numExecutors": 0, "conf": {"spark.dynamicAllocation.maxExecutors": "5"}}])
def test_no_executors_are_where_dynamic_allocation_begins(site, asked):
    conf = {"spark.dynamicAllocation.enabled": "True",
            **asked.get("conf", {})}

    spec = site.spec(**{**asked, "conf": conf})

    assert spec["dynamicAllocation"]["enabled"] is True
    assert spec["dynamicAllocation"]["initialExecutors"] == 0
    assert "instances" not in spec["executor"]


@pytest.mark.parametrize("conf", [
    {}, {"spark.dynamicAllocation.enabled": "false",
         "spark.dynamicAllocation.minExecutors": "1"}])
def test_without_dynamic_allocation_there_are_instances(site, conf):
    spec = site.spec(conf=conf)

    assert spec["executor"]["instances"] == 1
    assert "dynamicAllocation" not in spec


def test_the_image_is_the_clients_where_it_is_lifted(site):
    conf = {"spark.kubernetes.container.image": "mine:1"}
    assert "Blacklisted configuration" in site.refused(conf=conf)

    site.edit("lift = (", 'lift = ( ("spark.kubernetes.container.image", '
              '"image"),')

    spec = site.spec(conf=conf)
    assert spec["image"] == "mine:1"
    assert "spark.kubernetes.container.image" not in spec["sparkConf"]


@local
def test_a_secret_in_conf_is_refused_and_the_better_way_named(site):
    said = site.refused(conf={"spark.db.password": "hunter2!"})

    assert said.startswith("400 Rejected, Reason: ")
    assert "spark.db.password" in said and "Kubernetes Secret" in said
    assert "hunter2" not in said


@local
@pytest.mark.parametrize("name, old, new, said", [
    ("a type", "timeToLiveSeconds =", 'suspend = "no";\ntimeToLiveSeconds =',
     "spec.suspend must be true or false"),
    ("a word", 'mode = "cluster";', 'mode = "local";',
     "spec.mode is 'local', must be one of cluster|client"),
    ("an unknown field", 'mode = "cluster";',
     'mode = "cluster"; imagePolicy = "x";',
     "spec.imagePolicy there is no such field"),
    ("an unknown field of the pod", "enableServiceLinks = false;",
     "enableServiceLink = false;",
     "spec.driver.template.spec.enableServiceLink there is no such field"),
    ("a size", 'memory = "${driverMemory}";', 'memory = "1 GB";',
     "spec.driver.memory is '1 GB'"),
    ("a number in sparkConf", '("spark.jars.ivy", "/tmp/ivy")',
     '("spark.jars.ivy", 5)',
     'spec.sparkConf["spark.jars.ivy"] must be a text'),
    ("a refused key", '("spark.jars.ivy", "/tmp/ivy")',
     '("spark.master", "x")', "is refused by the operator"),
    ("a list", 'mode = "cluster";', 'mode = "cluster"; volumes = "x";',
     "spec.volumes must be a list"),
    ("a bound", 'cores = "${driverCores}";', "cores = 0;",
     "spec.driver.cores is 0, must be at least 1"),
    ("no executor", 'instances = "${numExecutors unless dynamicAllocation}";',
     "instances = 0;",
     "spec.executor.instances is 0, must be at least 1"),
    ("a CPU", 'coreLimit = "${driverCoreLimit}";', 'coreLimit = "half";',
     "spec.driver.coreLimit is 'half'"),
    ("another namespace", '("spark.jars.ivy", "/tmp/ivy")',
     '("spark.kubernetes.namespace", "x")',
     "must be the application's own namespace"),
    ("an old Spark", 'sparkVersion = "${sparkVersion}";',
     'sparkVersion = "2.4.8";', "spec.sparkVersion is '2.4.8'"),
    ("no version", 'sparkVersion = "${sparkVersion}";',
     'sparkVersion = "latest";', "spec.sparkVersion is 'latest'"),
    ("node selectors", 'executor = {\n',
     'nodeSelector = ( ("a", "b") );\nexecutor = {\n'
     'nodeSelector = ( ("c", "d") );\n',
     "spec.executor.nodeSelector cannot stand beside spec.nodeSelector"),
    ("a container", 'containers = ( {\n\t\t\t\t\tname = "spark-kubernetes-dr',
     'containers = ( {\n\t\t\t\t\tname = "spark-d',
     "has none with the name 'spark-kubernetes-driver'"),
    ("an ingress", 'mode = "cluster";', 'mode = "cluster"; '
     'driverIngressOptions = ( { servicePort = 80; servicePortName = "a"; '
     "} );", "driverIngressOptions[0].ingressURLFormat is missing"),
    ("a pod's name", 'coreLimit = "${driverCoreLimit}";',
     'podName = "My_Pod";', "spec.driver.podName is 'My_Pod'"),
    ("an amount", 'name = "spark-kubernetes-executor";',
     'name = "spark-kubernetes-executor"; resources = { limits = '
     '( ("nvidia.com/gpu", "one") ); };',
     'resources.limits["nvidia.com/gpu"] is \'one\''),
    ("a label", '"livy-fcgi") );', '"livy fcgi") );',
     'metadata.labels["app.kubernetes.io/managed-by"] is \'livy fcgi\''),
    ("a label's name", '"livy-fcgi") );', '"livy-fcgi"), ("a b", "c") );',
     'metadata.labels["a b"] is no name'),
    ("a label's type", '"livy-fcgi") );', '"livy-fcgi"), ("a", 5) );',
     "metadata.labels.a must be a text"),
    ("an unknown field of metadata", 'namespace = "${namespace}";',
     'namespace = "${namespace}"; label = ( ("a", "b") );',
     "metadata.label there is no such field"),
    ("a policy", 'type = "Never";', 'type = "Sometimes";',
     "spec.restartPolicy.type is 'Sometimes'"),
])
def test_what_the_operator_would_refuse_is_told_by_line(site, name, old, new,
                                                        said):
    site.edit(old, new)

    done = site.check()

    assert done.returncode == 1, name
    text = (site.config.parent / "templates/batch.cfg").read_text()
    line = next(line for line in done.stderr.splitlines() if said in line)
    number = int(line.split("batch.cfg:")[1].split(":")[0])
    start = text[:text.index(new)].count("\n") + 1
    assert start <= number <= start + new.count("\n"), line


@local
def test_what_the_operator_would_miss_is_told(site):
    site.edit('mainApplicationFile = "${file}";', "")

    done = site.check()

    assert done.returncode == 1
    assert re.search(r"batch\.cfg:\d+: the application has no spec\."
                     "mainApplicationFile",
                     done.stderr)


@local
def test_every_refusal_is_told_not_only_the_first(site):
    site.edit('mode = "cluster";', 'mode = "local"; a = 1; b = 2;')

    said = site.check().stderr

    assert all(f"spec.{name} " in said for name in ("mode", "a", "b"))


@local
def test_what_needs_the_webhook_is_a_warning(site):
    site.edit('serviceAccount = "${serviceAccount}";',
              'serviceAccount = "${serviceAccount}";\n'
              'tolerations = ( { key = "spot"; operator = "Exists"; } );')

    done = site.check()

    assert done.returncode == 0, done.stderr
    assert "warning: " in done.stdout
    assert "spec.driver.tolerations is ignored where the operator's webhook " \
        "is off" in done.stdout


def test_render_explains_each_field(site):
    done = site.run({"driverMemory": "2g", "queue": "gpu7", "conf": {
        "spark.executor.memory": "3g", "spark.jars.ivy": "/x",
        "spark.y": "1"}}, "--explain")

    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    fields = shown["fields"]
    assert shown["template"] == "gpu.cfg"
    assert shown["rule"].endswith(': queue = "gpu*"')
    assert shown["rule"].startswith("livy-fcgi.cfg:")
    assert shown["manifest"]["spec"]["driver"]["memory"] == "2g"
    assert "driverMemory, field of the request" in \
        fields["spec.driver.memory"]
    assert "executorMemory, conf key spark.executor.memory of the request" \
        in fields["spec.executor.memory"]
    assert "driverCores, default at " in fields["spec.driver.cores"]
    assert "gpu.cfg:3: the template" in fields["spec.nodeSelector.pool"]
    assert "batch.cfg:" in fields["spec.mode"]
    assert "conf, field of the request (over " in \
        fields['spec.sparkConf["spark.jars.ivy"]']
    assert fields["metadata.name"] == "the gateway"


def test_odd_values_reach_the_cluster_unharmed(gateway, cluster, job):
    batch = gateway.submit({
        "file": job("lines.py"), "args": list(ODD.values())[:5],
        "pyFiles": URIS, "jars": URIS, "files": URIS, "conf": ODD,
        "name": 'a "name" ü'})["id"]
    spec = cluster.kube.app(gateway.object_name(batch))["spec"]
    gateway.delete(f"/batches/{batch}")

    assert {k: spec["sparkConf"].get(k) for k in ODD} == ODD
    assert spec["arguments"] == list(ODD.values())[:5]
    for name in ("pyFiles", "jars", "files"):
        assert spec["deps"][name] == URIS


@local
def test_secrets_reach_the_driver_by_template_and_by_name(maker, job):
    cluster, folder = maker.cluster(), maker.folder("t")
    shutil.copytree(SRC / "conf/templates", folder, dirs_exist_ok=True)
    text = (folder / "batch.cfg").read_text()
    for old, new in (
            ('# secrets = [ "jobs-*" ];', 'secrets = [ "jobs-*" ];'),
            ('name = "spark-kubernetes-driver";',
             'name = "spark-kubernetes-driver"; envFrom = ( { secretRef = '
             '{ name = "site"; }; } );')):
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "batch.cfg").write_text(text)
    gateway = maker.gateway(cluster, settings={"templates.dir": str(folder)})
    for name, data in (("site", {"SITE": "c2l0ZQ=="}),
                       ("jobs-a", {"p": "aHVudGVyMg=="}),
                       ("other", {"p": "b3RoZXI="})):
        assert cluster.kube.create("secrets", {
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name}, "data": data}).status_code == 201
    ref = "spark.kubernetes.driver.secretKeyRef.PASSWORD"
    body = {"file": job("env.py"), "args": ["SITE", "PASSWORD"]}

    batch = gateway.submit({**body, "conf": {ref: "jobs-a:p"}})["id"]

    gateway.wait_state(batch, "success")
    gateway.wait_line(batch, "SITE=site")
    gateway.wait_line(batch, "PASSWORD=hunter2")
    assert "hunter2" not in json.dumps(cluster.kube.app(
        gateway.object_name(batch)))
    r = gateway.post("/batches", {**body, "conf": {ref: "other:p"}})
    assert r.status_code == 400 and "'other'" in r.json()["msg"]


def test_an_empty_conf_value_does_not_stop_the_start(gateway, job):
    batch = gateway.submit({"file": job("lines.py"), "args": ["1"], "conf": {
        "spark.jars.packages": "", "spark.sql.x": ""}})["id"]

    gateway.wait_state(batch, "success")


def test_a_dry_run_shows_and_makes_nothing(gateway, cluster, job):
    body = {"file": job("lines.py"), "driverMemory": "600m",
            "name": "dry-run"}
    before = gateway.submit({"file": job("lines.py")})["id"]
    total = gateway.get("/batches").json()["total"]

    r = gateway.post("/batches?dryRun=true", body,
                     headers={"Idempotency-Key": "dry"})

    assert r.status_code == 200, r.text
    shown = r.json()
    assert list(shown) == ["template", "manifest", "fields"]
    assert shown["manifest"]["spec"]["driver"]["memory"] == "600m"
    assert "field of the request" in shown["fields"]["spec.driver.memory"]
    assert gateway.get("/batches").json()["total"] == total
    # neither id nor key nor name is taken
    made = gateway.post("/batches", body,
                        headers={"Idempotency-Key": "dry"})
    assert made.status_code == 201, made.text
    assert made.json()["id"] == before + 1
    for batch in (before, before + 1):
        gateway.delete(f"/batches/{batch}")


def test_a_dry_run_of_a_session_makes_nothing(gateway):
    total = gateway.get("/sessions").json()["total"]

    r = gateway.post("/sessions?dryRun=true", {
        "kind": "pyspark", "conf": {"spark.driver.memory": "700m"}})

    assert r.status_code == 200, r.text
    shown = r.json()
    assert shown["template"] == "session.cfg"
    assert shown["manifest"]["spec"]["driver"]["memory"] == "700m"
    assert "conf key spark.driver.memory of the request" in \
        shown["fields"]["spec.driver.memory"]
    # what was asked for is kept as it was asked for
    echo = json.loads(shown["manifest"]["metadata"]["annotations"][
        "livy-fcgi/echo"])
    assert echo["conf"] == {"spark.driver.memory": "700m"}
    assert gateway.get("/sessions").json()["total"] == total


def test_a_dry_run_tells_what_the_cluster_would_refuse(gateway, job):
    r = gateway.post("/batches?dryRun=true", {"file": job("lines.py"),
                                              "numExecutors": 0})
    real = gateway.post("/batches", {"file": job("lines.py"),
                                     "numExecutors": 0})

    assert r.status_code == 400
    assert "spec.executor.instances" in r.json()["msg"]
    assert real.status_code == 400
    assert real.json() == r.json() or \
        "spec.executor.instances" in real.json()["msg"]


def test_a_dry_run_refuses_as_livy_does(gateway):
    dry = gateway.post("/batches?dryRun=true", {"file": "relative.py"})
    real = gateway.post("/batches", {"file": "relative.py"})

    assert dry.status_code == real.status_code == 400
    assert dry.text == real.text


def test_only_true_and_false_are_dry_runs(gateway, job):
    r = gateway.post("/batches?dryRun=yes", {"file": job("lines.py")})
    assert r.status_code == 400
    assert "dryRun" in r.json()["msg"]

    r = gateway.post("/batches?dryRun=false", {"file": job("lines.py")})
    assert r.status_code == 201
    gateway.delete(f"/batches/{r.json()['id']}")
