"""Self checks of the stand-in API server (tests/kube_stub).

The expected codes and messages were taken from a real kube-apiserver 1.20.2.
"""

from __future__ import annotations

import json
import os
import re
import select
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

TESTS = Path(__file__).resolve().parents[1]
LABEL_RULE = ("a valid label must be an empty string or consist of alphanumeric characters, '-', "
              "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  "
              "or 'my_value',  or '12345', regex used for validation is "
              "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")
MERGE = "application/merge-patch+json"


def read_line(process: subprocess.Popen, seconds: float = 10) -> str:
    """One line of its output; it must not be buffered."""
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline().decode() if readable else ""


class Stub:
    """A running stand-in and the smallest client for it."""

    def __init__(self, folder: Path, *options: str):
        environment = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kube_stub", "--dir", folder, *options], env=environment,
            stdout=subprocess.PIPE, bufsize=0)
        line = read_line(self.process)
        assert line.startswith("ready https://127.0.0.1:"), line
        self.url = line.split()[1]
        self.tls = ssl.create_default_context(cafile=folder / "ca.crt")
        self.tokens = {name: json.loads((folder / f"{name}.kubeconfig").read_text())
                       ["users"][0]["user"]["token"] for name in ("admin", "provisioner")}
        self.serial = 0

    def call(self, method: str, path: str, body: object = None, user: str | None = "admin",
             media: str = "application/json") -> tuple[int, dict]:
        request = urllib.request.Request(self.url + path, method=method)
        if user:
            request.add_header("Authorization", f"Bearer {self.tokens.get(user, user)}")
        if body is not None:
            request.data = body if isinstance(body, bytes) else json.dumps(body).encode()
            request.add_header("Content-Type", media)
        try:
            with urllib.request.urlopen(request, timeout=10, context=self.tls) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def namespace(self) -> str:
        """The path of a new namespace."""
        self.serial += 1
        name = f"ns-{self.serial}"
        code, _ = self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert code == 201
        return f"/api/v1/namespaces/{name}"

    def close(self) -> None:
        self.process.terminate()
        assert self.process.wait(5) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    stub = Stub(tmp_path_factory.mktemp("stub"), "--pod-start-ms", "50", "--pod-stop-ms", "100")
    yield stub
    stub.close()


@pytest.fixture(name="ns")
def fixture_ns(stub) -> str:
    return stub.namespace()


def pod(name: str, spec: dict | None = None, **meta: object) -> dict:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, **meta},
            "spec": {"containers": [{"name": "c", "image": "i"}], **(spec or {})}}


def service(name: str, kind: str = "NodePort", **meta: object) -> dict:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, **meta},
            "spec": {"type": kind, "selector": {"a": "b"}, "ports": [{"port": 8080}]}}


def until(test, seconds: float = 5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = test()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


def failure(code: int, reason: str, message: str, details: dict | None) -> tuple[int, dict]:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code}
    return code, body if details is None else {**body, "details": details}


def causes_of(answer: tuple[int, dict]) -> list[tuple[str, str, str]]:
    assert answer[0] == 422 and answer[1]["reason"] == "Invalid", answer
    return [(row["reason"], row["field"], row["message"])
            for row in answer[1]["details"]["causes"]]


def test_absent_and_present(stub, ns):
    name = ns.rpartition("/")[2]
    assert stub.call("GET", f"{ns}/pods/zz") == failure(
        404, "NotFound", 'pods "zz" not found', {"name": "zz", "kind": "pods"})
    assert stub.call("POST", "/api/v1/namespaces/nope/pods", pod("p")) == failure(
        404, "NotFound", 'namespaces "nope" not found', {"name": "nope", "kind": "namespaces"})
    assert stub.call("POST", f"{ns}/pods", pod("p"))[0] == 201
    assert stub.call("POST", f"{ns}/pods", pod("p")) == failure(
        409, "AlreadyExists", 'pods "p" already exists', {"name": "p", "kind": "pods"})
    assert stub.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}}) == failure(
        409, "AlreadyExists", f'namespaces "{name}" already exists',
        {"name": name, "kind": "namespaces"})


def test_preconditions(stub, ns):
    _, made = stub.call("POST", f"{ns}/services", service("s", "ClusterIP"))
    uid, version = made["metadata"]["uid"], made["metadata"]["resourceVersion"]
    details = {"name": "s", "kind": "Service"}
    prefix = 'Operation cannot be fulfilled on Service "s": the '
    assert stub.call("DELETE", f"{ns}/services/s", {"preconditions": {"uid": "q"}}) == failure(
        409, "Conflict", f"{prefix}UID in the precondition (q) does not match the UID in record "
        f"({uid}). The object might have been deleted and then recreated", details)
    assert stub.call("DELETE", f"{ns}/services/s",
                     {"preconditions": {"uid": uid, "resourceVersion": "1"}}) == failure(
        409, "Conflict", f"{prefix}ResourceVersion in the precondition (1) does not match the "
        f"ResourceVersion in record ({version}). The object might have been modified", details)
    assert stub.call("DELETE", f"{ns}/services/s", {"preconditions": {"uid": uid}}) == (200, {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
        "details": {"name": "s", "kind": "services", "uid": uid}})


def test_patch(stub, ns):
    _, made = stub.call("POST", f"{ns}/services", service("s", annotations={"a": "1", "b": "2"}))
    stale = {"metadata": {"resourceVersion": "1", "annotations": {"c": "3"}}}
    assert stub.call("PATCH", f"{ns}/services/s", stale, media=MERGE) == failure(
        409, "Conflict", 'Operation cannot be fulfilled on services "s": the object has been '
        "modified; please apply your changes to the latest version and try again",
        {"name": "s", "kind": "services"})
    change = {"metadata": {"annotations": {"a": None, "c": "3"}}}
    code, patched = stub.call("PATCH", f"{ns}/services/s", change, media=MERGE)
    assert code == 200 and patched["metadata"]["annotations"] == {"b": "2", "c": "3"}
    assert patched["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    assert patched["spec"] == made["spec"]
    _, same = stub.call("PATCH", f"{ns}/services/s", change, media=MERGE)
    assert same == patched
    assert stub.call("PATCH", f"{ns}/services/s", change)[0] == 415


def test_credentials_and_rights(stub, ns):
    name = ns.rpartition("/")[2]
    user = 'User "system:serviceaccount:deer-flow:sandbox-provisioner" cannot'
    assert stub.call("GET", f"{ns}/pods", user="wrong") == failure(
        401, "Unauthorized", "Unauthorized", None)
    assert stub.call("GET", f"{ns}/pods", user=None)[1]["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
        f'in the namespace "{name}"')
    assert stub.call("DELETE", f"{ns}/pods", user="provisioner") == failure(
        403, "Forbidden", f'pods is forbidden: {user} deletecollection resource "pods" in API '
        f'group "" in the namespace "{name}"', {"kind": "pods"})
    assert stub.call("PATCH", f"{ns}/pods/p/status", {}, "provisioner", MERGE) == failure(
        403, "Forbidden", f'pods "p" is forbidden: {user} patch resource "pods/status" in API '
        f'group "" in the namespace "{name}"', {"name": "p", "kind": "pods"})
    assert stub.call("GET", "/apis/apps/v1/deployments", user="provisioner")[1]["message"] == (
        f'deployments.apps is forbidden: {user} list resource "deployments" in API group "apps" '
        "at the cluster scope")
    assert stub.call("POST", f"{ns}/pods", pod("mine"), "provisioner")[0] == 201

    def allowed(verb: str, resource: str, user: str) -> bool:
        review = {"spec": {"resourceAttributes": {"verb": verb, "resource": resource}}}
        code, answer = stub.call(
            "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review, user)
        assert code == 201
        return answer["status"]["allowed"]

    assert allowed("delete", "nodes", "admin")
    granted = {(resource, verb)
               for resource in ("pods", "services", "namespaces", "pods/status", "secrets")
               for verb in ("get", "list", "watch", "create", "update", "patch", "delete",
                            "deletecollection") if allowed(verb, resource, "provisioner")}
    assert granted == {
        *(("pods", verb) for verb in ("get", "list", "create", "delete", "patch")),
        *(("services", verb) for verb in ("get", "list", "create", "delete")),
        ("namespaces", "create")}
    assert stub.call("PATCH", f"{ns}/services/s", {}, "provisioner", MERGE)[0] == 403
    assert stub.call("GET", ns, user="provisioner")[0] == 403


@pytest.mark.parametrize("wrong, causes", [
    (pod("Bad_"), [("FieldValueInvalid", "metadata.name", "Invalid value: \"Bad_\": a lowercase "
                    "RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
                    "or '.', and must start and end with an alphanumeric character (e.g. "
                    "'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?"
                    r"(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')")]),
    (pod("b", labels={"a": "_b"}),
     [("FieldValueInvalid", "metadata.labels", f'Invalid value: "_b": {LABEL_RULE}')]),
    (pod("b", labels={"a": "x" * 64}), [("FieldValueInvalid", "metadata.labels", 'Invalid value: '
                                         f'"{"x" * 64}": must be no more than 63 characters')]),
    (pod("b", {"containers": []}), [("FieldValueRequired", "spec.containers", "Required value")]),
    (pod("b", {"containers": [{"name": "c"}]}),
     [("FieldValueRequired", "spec.containers[0].image", "Required value")]),
    (pod("b", {"containers": [{"name": "c", "image": "i", "volumeMounts": [
        {"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]}],
        "volumes": [{"name": "v", "emptyDir": {}}]}),
     [("FieldValueInvalid", "spec.containers[0].volumeMounts[1].mountPath",
       'Invalid value: "/a": must be unique')]),
    (pod("b", {"containers": [{"name": "c", "image": "i", "volumeMounts": [
        {"name": "w", "mountPath": "/a"}]}]}),
     [("FieldValueNotFound", "spec.containers[0].volumeMounts[0].name", 'Not found: "w"')]),
])
def test_invalid_pods(stub, ns, wrong, causes):
    answer = stub.call("POST", f"{ns}/pods", wrong)
    assert causes_of(answer) == causes
    name = wrong["metadata"]["name"]
    assert answer[1]["message"] == f'Pod "{name}" is invalid: {causes[0][1]}: {causes[0][2]}'


def test_other_refusals(stub, ns):
    assert stub.call("POST", f"{ns}/pods", b"{bad")[1]["reason"] == "BadRequest"
    answer = stub.call("POST", f"{ns}/services", {"metadata": {"name": "e"}})
    assert answer[1]["message"] == 'Service "e" is invalid: spec.ports: Required value'
    assert stub.call("DELETE", f"{ns}/services")[1]["reason"] == "MethodNotAllowed"
    assert stub.call("GET", f"{ns}/foos")[1]["message"] == (
        "the server could not find the requested resource")


def test_life_and_graceful_deletion(stub, ns):
    _, made = stub.call("POST", f"{ns}/pods", pod("p", finalizers=["test/hold"]))
    assert made["status"]["phase"] == "Pending" and "nodeName" not in made["spec"]
    running = until(lambda: [got for got in [stub.call("GET", f"{ns}/pods/p")[1]]
                             if got["status"]["phase"] == "Running"])[0]
    assert {"type": "Ready", "status": "True"}.items() <= running["status"]["conditions"][1].items()
    _, going = stub.call("DELETE", f"{ns}/pods/p", {"gracePeriodSeconds": 9})
    assert going["metadata"]["deletionGracePeriodSeconds"] == 9
    _, again = stub.call("DELETE", f"{ns}/pods/p")
    assert again["metadata"]["deletionTimestamp"] == going["metadata"]["deletionTimestamp"]
    until(lambda: stub.call("GET", f"{ns}/pods/p")[1]["metadata"]["deletionGracePeriodSeconds"] == 0)
    assert stub.call("POST", f"{ns}/pods", pod("p")) == failure(
        409, "AlreadyExists", 'object is being deleted: pods "p" already exists',
        {"name": "p", "kind": "pods"})
    code, _ = stub.call("PATCH", f"{ns}/pods/p", {"metadata": {"finalizers": None}}, media=MERGE)
    assert code == 200 and stub.call("GET", f"{ns}/pods/p")[0] == 404


def test_deletion_at_once(stub, ns):
    stub.call("POST", f"{ns}/pods", pod("unscheduled", {"schedulerName": "nobody"}))
    stub.call("POST", f"{ns}/pods", pod("scheduled", {"nodeName": "node1"}))
    assert stub.call("DELETE", f"{ns}/pods/unscheduled")[1]["metadata"][
        "deletionGracePeriodSeconds"] == 0
    assert stub.call("GET", f"{ns}/pods/unscheduled")[0] == 404
    assert stub.call("DELETE", f"{ns}/pods/scheduled")[1]["metadata"][
        "deletionGracePeriodSeconds"] == 30
    assert stub.call("GET", f"{ns}/pods/scheduled")[0] == 200
    stub.call("DELETE", f"{ns}/pods/scheduled?gracePeriodSeconds=0")
    assert stub.call("GET", f"{ns}/pods/scheduled")[0] == 404


def test_patched_status(stub, ns):
    stub.call("POST", f"{ns}/pods", pod("q"))
    code, patched = stub.call("PATCH", f"{ns}/pods/q/status", {"status": {"phase": "Failed"}},
                              media=MERGE)
    assert code == 200 and patched["status"]["phase"] == "Failed"
    stub.call("POST", f"{ns}/pods", pod("r"))
    until(lambda: stub.call("GET", f"{ns}/pods/r")[1]["status"]["phase"] == "Running")
    assert stub.call("GET", f"{ns}/pods/q")[1]["status"]["phase"] == "Failed"


def test_lists(stub, ns):
    for name, label in (("a", "1"), ("b", "2"), ("c", "1")):
        stub.call("POST", f"{ns}/services", service(name, "ClusterIP", labels={"k": label}))

    def names(**query: str) -> list[str]:
        code, answer = stub.call("GET", f"{ns}/services?{urlencode(query)}")
        assert code == 200 and answer["kind"] == "ServiceList", answer
        return [item["metadata"]["name"] for item in answer["items"]]

    assert names(labelSelector="k=1") == names(labelSelector="k==1,k") == ["a", "c"]
    assert names(labelSelector="k") == ["a", "b", "c"] and names(labelSelector="k,j") == []
    assert names(fieldSelector="metadata.name=b") == ["b"]
    assert stub.call("GET", f"{ns}/services?{urlencode({'labelSelector': '!k'})}")[0] == 400
    _, first = stub.call("GET", f"{ns}/services?limit=2")
    assert first["metadata"]["remainingItemCount"] == 1
    assert names(limit="2", **{"continue": first["metadata"]["continue"]}) == ["c"]
    for path in ("services?fieldSelector=foo%3D1", "pods?fieldSelector=foo%3D1"):
        assert stub.call("GET", f"{ns}/{path}")[1]["message"] == "field label not supported: foo"


def test_quota(stub, ns):
    hard = {"pods": "1", "services": "0"}
    stub.call("POST", f"{ns}/resourcequotas", {"metadata": {"name": "rq"}, "spec": {"hard": hard}})
    assert stub.call("POST", f"{ns}/pods", pod("p1"))[0] == 201
    assert stub.call("POST", f"{ns}/pods", pod("p2")) == failure(
        403, "Forbidden", 'pods "p2" is forbidden: exceeded quota: rq, requested: pods=1, '
        "used: pods=1, limited: pods=1", {"name": "p2", "kind": "pods"})
    again = stub.call("POST", f"{ns}/pods", pod("p1"))
    assert again[0] == 403, "a quota is charged before the name is looked at"
    assert "requested: services=1, used: services=0, limited: services=0" in stub.call(
        "POST", f"{ns}/services", service("s"))[1]["message"]
    stub.call("PATCH", f"{ns}/pods/p1/status", {"status": {"phase": "Failed"}}, media=MERGE)
    assert stub.call("POST", f"{ns}/pods", pod("p2"))[0] == 201


def test_owners_and_namespace_deletion(stub, ns):
    _, owner = stub.call("POST", f"{ns}/pods", pod("p"))
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": owner["metadata"]["uid"]}
    stub.call("POST", f"{ns}/services", service("kept"))
    assert stub.call("POST", f"{ns}/services", service("s", ownerReferences=[reference]))[0] == 201
    stub.call("DELETE", f"{ns}/pods/p?gracePeriodSeconds=0")
    until(lambda: stub.call("GET", f"{ns}/services/s")[0] == 404)
    assert stub.call("GET", f"{ns}/services/kept")[0] == 200
    stub.call("POST", f"{ns}/pods", pod("there"))
    assert stub.call("DELETE", ns)[0] == 200
    assert {stub.call("GET", path)[0]
            for path in (ns, f"{ns}/services/kept", f"{ns}/pods/there")} == {404}


def test_sandbox_ports(stub, ns):
    _, made = stub.call("POST", f"{ns}/services", service("s"))
    url = f"http://127.0.0.1:{made['spec']['ports'][0]['nodePort']}/v1/sandbox"

    def answer() -> dict | None:
        try:
            with urllib.request.urlopen(url, timeout=2) as reply:
                return json.loads(reply.read())
        except OSError:
            return None

    assert answer() is None
    stub.call("POST", f"{ns}/pods", pod("p", labels={"a": "b"}))
    assert until(answer)["status"] == "ok"
    stub.call("DELETE", f"{ns}/pods/p")
    until(lambda: answer() is None)


def test_node_ports_run_out(tmp_path):
    stub = Stub(tmp_path, "--node-ports", "31111-31112")
    try:
        ns = stub.namespace()
        ports = {stub.call("POST", f"{ns}/services", service(name))[1]["spec"]["ports"][0][
            "nodePort"] for name in ("a", "b")}
        assert ports == {31111, 31112}
        why = "failed to allocate a nodePort: range is full"
        assert stub.call("POST", f"{ns}/services", service("c")) == failure(
            500, "InternalError", f"Internal error occurred: {why}", {"causes": [{"message": why}]})
        stub.call("DELETE", f"{ns}/services/a")
        assert stub.call("POST", f"{ns}/services", service("c"))[0] == 201
        stub.call("DELETE", f"{ns}/services/b")
        assert stub.call("POST", f"{ns}/services", service("c"))[1]["reason"] == "AlreadyExists"
        assert stub.call("POST", f"{ns}/services", service("d"))[0] == 201, "c gave its port back"
    finally:
        stub.close()


def test_record_and_overlap(stub, ns):
    stub.call("DELETE", "/stub/requests")
    stub.call("POST", "/stub/faults", {"action": "delay", "ms": 200, "count": 2, "verb": "get"})
    threads = [threading.Thread(target=stub.call, args=("GET", f"{ns}/{kind}/x"))
               for kind in ("pods", "services")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)
    _, calls = stub.call("GET", "/stub/requests")
    assert sorted(call["resource"] for call in calls) == ["pods", "services"]
    assert {(call["verb"], call["name"], call["code"]) for call in calls} == {("get", "x", 404)}
    assert max(call["start"] for call in calls) < min(call["end"] for call in calls)
    assert all(call["user_agent"].startswith("Python-urllib") for call in calls)


def test_faults(stub, ns):
    def arm(**fault: object) -> None:
        assert stub.call("POST", "/stub/faults", fault)[0] == 200

    arm(verb="create", resource="pods", name=None, nth=2, action="status", code=429,
        reason="TooManyRequests", message="slow down", retry_after=3)
    assert stub.call("POST", f"{ns}/pods", pod("a"))[0] == 201
    assert stub.call("POST", f"{ns}/pods", pod("b"))[1]["message"] == "slow down"
    assert stub.call("POST", f"{ns}/pods", pod("b"))[0] == 201
    for action, code in (("drop_before", 404), ("drop_after", 200)):
        arm(verb="create", resource="services", action=action)
        with pytest.raises(OSError):
            stub.call("POST", f"{ns}/services", service("s"))
        assert stub.call("GET", f"{ns}/services/s")[0] == code
    with pytest.raises(json.JSONDecodeError):   # refused, and not as the API server would
        stub.call("POST", "/stub/faults", {"action": "nonsense"})
    assert stub.call("GET", "/stub/faults", user="provisioner")[0] == 404
    stub.call("DELETE", "/stub/faults")


def test_kubectl(stub, ns, tmp_path):
    folder = next(Path(argument) for argument in stub.process.args
                  if isinstance(argument, Path))
    stub.call("POST", f"{ns}/pods", pod("p", labels={"sandbox-id": "x"}))
    stub.call("POST", f"{ns}/services", service("s", labels={"sandbox-id": "x"}))
    command = ["kubectl", "--kubeconfig", folder / "admin.kubeconfig", "--cache-dir", tmp_path,
               "-n", ns.rpartition("/")[2]]
    try:
        shown = subprocess.run([*command, "get", "pod,svc", "-l", "sandbox-id=x"],
                               capture_output=True, text=True, timeout=15, check=True)
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    assert re.search(r"^pod/p\b", shown.stdout, re.M) and re.search(
        r"^service/s\b", shown.stdout, re.M)
    subprocess.run([*command, "delete", "--wait=false", "pod/p", "svc/s"], timeout=15, check=True,
                   capture_output=True)
    assert stub.call("GET", f"{ns}/services/s")[0] == 404
    until(lambda: stub.call("GET", f"{ns}/pods/p")[0] == 404)


def test_ends_with_its_parent(tmp_path):
    script = f"{sys.executable} -m kube_stub --dir {tmp_path} & echo $!; read x"
    parent = subprocess.Popen(["sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              bufsize=0, env={**os.environ, "PYTHONPATH": str(TESTS),
                                              "PYTHONDONTWRITEBYTECODE": "1"})
    pid = int(read_line(parent))
    assert read_line(parent).startswith("ready ")
    parent.kill()
    parent.wait(5)

    def ended() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            return True

    until(ended)
    parent.stdin.close()
    parent.stdout.close()
