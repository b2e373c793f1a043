"""The cluster as an administrator sees it, independently of the provisioner's code."""

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import requests
import yaml
from kubernetes import client, config
from kubernetes.client.rest import ApiException

from waiting import wait_until

OURS = "app=deer-flow-sandbox"
ADMIN_AGENT = "system-tests"


@dataclass(frozen=True)
class Call:
    """One request that the provisioner made of the API server."""

    verb: str
    resource: str
    name: Optional[str]
    code: int
    start: float
    end: float


def pod_name(sandbox_id: str) -> str:
    return f"sandbox-{sandbox_id}"


def service_name(sandbox_id: str) -> str:
    return f"sandbox-{sandbox_id}-svc"


def none_if_absent(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ApiException as error:
        if error.status == 404:
            return None
        raise


class Cluster:
    """Reads and bends objects in one namespace. Objects are plain JSON dictionaries."""

    is_stub = False

    def __init__(self, admin: Path, provisioner: Path, namespace: str, has_node: bool) -> None:
        self.admin_kubeconfig = admin
        self.provisioner_kubeconfig = provisioner
        self.namespace = namespace
        self.has_node = has_node
        # A kubelet that has many pods to start and stop takes its time to let one go.
        self.patience_s = 120 if has_node else 20
        settings = client.Configuration()
        config.load_kube_config(str(admin), client_configuration=settings)
        settings.client_side_validation = False
        self.api_client = client.ApiClient(settings)
        self.api_client.user_agent = ADMIN_AGENT
        self.kube = client.CoreV1Api(self.api_client)

    # What is there

    def plain(self, thing: Any) -> Any:
        return self.api_client.sanitize_for_serialization(thing)

    def pod(self, sandbox_id: str) -> Optional[dict[str, Any]]:
        read = self.kube.read_namespaced_pod
        return self.plain(none_if_absent(lambda: read(pod_name(sandbox_id), self.namespace)))

    def service(self, sandbox_id: str) -> Optional[dict[str, Any]]:
        read = self.kube.read_namespaced_service
        return self.plain(none_if_absent(lambda: read(service_name(sandbox_id), self.namespace)))

    def gone(self, sandbox_id: str) -> bool:
        return self.pod(sandbox_id) is None and self.service(sandbox_id) is None

    def whole_or_gone(self, sandbox_id: str) -> bool:
        """Neither object, or both: the Pod not on its way out, the Service owned by it."""
        pod, service = self.pod(sandbox_id), self.service(sandbox_id)
        if pod is None or service is None:
            return pod is None and service is None
        owners = service["metadata"].get("ownerReferences") or [{}]
        settled = "deletionTimestamp" not in pod["metadata"]
        return settled and owners[0].get("uid") == pod["metadata"]["uid"]

    # Bending it

    def make_pod(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return self.plain(self.kube.create_namespaced_pod(self.namespace, manifest))

    def make_service(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return self.plain(self.kube.create_namespaced_service(self.namespace, manifest))

    def patch_pod(self, sandbox_id: str, patch: dict[str, Any]) -> None:
        self.merge(f"pods/{pod_name(sandbox_id)}", patch)

    def patch_service(self, sandbox_id: str, patch: dict[str, Any]) -> None:
        self.merge(f"services/{service_name(sandbox_id)}", patch)

    def set_status(self, sandbox_id: str, status: dict[str, Any]) -> None:
        """Says about a pod what a kubelet would say."""
        self.merge(f"pods/{pod_name(sandbox_id)}/status", {"status": status})

    def merge(self, path: str, patch: dict[str, Any]) -> None:
        # The generated methods offer no choice of patch type in this version.
        self.api_client.call_api(
            f"/api/v1/namespaces/{self.namespace}/{path}",
            "PATCH",
            header_params={
                "Content-Type": "application/merge-patch+json",
                "Accept": "application/json",
                "User-Agent": ADMIN_AGENT,
            },
            body=patch,
            auth_settings=["BearerToken"],
        )

    def hold(self, sandbox_id: str) -> None:
        """Keeps the pod from going away once it is deleted."""
        self.patch_pod(sandbox_id, {"metadata": {"finalizers": ["system-tests/hold"]}})

    def release(self, sandbox_id: str) -> None:
        self.patch_pod(sandbox_id, {"metadata": {"finalizers": None}})

    def delete_pod(self, sandbox_id: str) -> None:
        delete = self.kube.delete_namespaced_pod
        name = pod_name(sandbox_id)
        none_if_absent(lambda: delete(name, self.namespace, grace_period_seconds=0))

    def delete_service(self, sandbox_id: str) -> None:
        delete = self.kube.delete_namespaced_service
        none_if_absent(lambda: delete(service_name(sandbox_id), self.namespace))

    def make_terminating(self, sandbox_id: str) -> None:
        """Deletes the pod in such a way that it stays Terminating until released."""
        self.hold(sandbox_id)
        self.delete_pod(sandbox_id)
        wait_until(lambda: "deletionTimestamp" in self.pod(sandbox_id)["metadata"])

    def remove(self, sandbox_id: str) -> None:
        """Leaves nothing of a sandbox, whatever a test did to it."""
        self.delete_service(sandbox_id)
        pod = self.pod(sandbox_id)
        if pod is None:
            return
        if pod["metadata"].get("finalizers"):
            none_if_absent(lambda: self.release(sandbox_id))
        self.delete_pod(sandbox_id)

    def ensure_namespace(self) -> None:
        body = {"metadata": {"name": self.namespace}}
        try:
            self.kube.create_namespace(body)
        except ApiException as error:
            if error.status != 409:
                raise

    # What the provisioner asked for

    @contextlib.contextmanager
    def requests(self) -> Iterator[list[Call]]:
        """The list is filled when the block ends: pods and services, in order of start."""
        calls: list[Call] = []
        mark = self._calls_mark()
        yield calls
        seen = self._calls_since(mark)
        calls.extend(sorted(seen, key=lambda call: call.start))

    def _calls_mark(self) -> int:
        raise NotImplementedError

    def _calls_since(self, mark: int) -> list[Call]:
        raise NotImplementedError


class StubCluster(Cluster):
    """The stand-in, with its control endpoint."""

    is_stub = True

    def __init__(self, directory: Path, url: str, namespace: str) -> None:
        admin = directory / "admin.kubeconfig"
        super().__init__(admin, directory / "provisioner.kubeconfig", namespace, has_node=False)
        self.url = url
        self.control = requests.Session()
        self.control.trust_env = False
        self.control.verify = str(directory / "ca.crt")
        token = yaml.safe_load(admin.read_text())["users"][0]["user"]["token"]
        self.control.headers["Authorization"] = f"Bearer {token}"
        self.user = "system:serviceaccount:deer-flow:sandbox-provisioner"

    def stub(self, method: str, path: str, **options: Any) -> requests.Response:
        answer = self.control.request(method, f"{self.url}/stub/{path}", timeout=10, **options)
        answer.raise_for_status()
        return answer

    def fault(self, **fault: Any) -> None:
        """Arms a fault that only the provisioner's requests meet, once unless `count` is given."""
        self.stub("POST", "faults", json={"user": self.user, **fault})

    @contextlib.contextmanager
    def faults(self, *faults: dict[str, Any]) -> Iterator[None]:
        for fault in faults:
            self.fault(**fault)
        try:
            yield
        finally:
            self.stub("DELETE", "faults")

    def _calls_mark(self) -> int:
        return max((record["n"] for record in self._records()), default=0)

    def _calls_since(self, mark: int) -> list[Call]:
        return [
            Call(r["verb"], r["resource"], r["name"], r["code"], r["start"], r["end"])
            for r in self._records()
            if r["n"] > mark
        ]

    def in_flight(self, verb: str, resource: str) -> bool:
        """Whether a request of the provisioner has arrived and is not answered yet."""
        return any(
            record["end"] is None and (record["verb"], record["resource"]) == (verb, resource)
            for record in self._records()
        )

    def _records(self) -> list[dict[str, Any]]:
        return [
            record
            for record in self.stub("GET", "requests").json()
            if record["user"] == self.user and record["resource"] in ("pods", "services")
        ]


class RealCluster(Cluster):
    """A kube-apiserver, with its audit log where there is one."""

    def __init__(self, audit_log: Optional[Path], *cluster: Any, **options: Any) -> None:
        super().__init__(*cluster, **options)
        self.audit_log = audit_log

    def _calls_mark(self) -> int:
        assert self.audit_log is not None, "needs --audit-log"
        return self.audit_log.stat().st_size

    def _calls_since(self, mark: int) -> list[Call]:
        # An event is written after its answer was sent. The API server writes them in order of
        # their ends, so that what we look for precedes a request made now.
        marker = f"marker-{time.monotonic_ns()}"
        none_if_absent(lambda: self.kube.read_namespaced_pod(marker, self.namespace))
        text = wait_until(lambda: self._log_until(mark, marker), 10, "marker in the audit log")
        events = [json.loads(line) for line in text.splitlines() if line[:1] + line[-1:] == "{}"]
        return [self._call_of(event) for event in events if self._is_ours(event)]

    def _log_until(self, mark: int, marker: str) -> Optional[str]:
        with open(self.audit_log, "rb") as log:
            log.seek(mark)
            text = log.read().decode()
        return text if marker in text else None

    def _is_ours(self, event: dict[str, Any]) -> bool:
        user = event["user"]["username"]
        reference = event.get("objectRef", {})
        return (
            event["stage"] == "ResponseComplete"
            and user.startswith("system:serviceaccount:")
            and not user.startswith("system:serviceaccount:kube-system:")
            and reference.get("namespace") == self.namespace
            and reference.get("resource") in ("pods", "services")
        )

    @staticmethod
    def _call_of(event: dict[str, Any]) -> Call:
        def seconds(stamp: str) -> float:
            return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()

        reference = event["objectRef"]
        return Call(
            event["verb"],
            reference["resource"],
            reference.get("name"),
            event["responseStatus"]["code"],
            seconds(event["requestReceivedTimestamp"]),
            seconds(event["stageTimestamp"]),
        )
