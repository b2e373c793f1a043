"""The Pod and the Service of a sandbox, as the API server holds them."""

import json

import pytest

from http_api import Api

READY_PATH = "/v1/sandbox"


def container_of(pod):
    (container,) = pod["spec"]["containers"]
    return container


def mounts_of(pod):
    """container path -> (mount, volume)"""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    mounts = container_of(pod).get("volumeMounts", [])
    paths = [mount["mountPath"] for mount in mounts]
    assert len(paths) == len(set(paths)), paths
    return {mount["mountPath"]: (mount, volumes[mount["name"]]) for mount in mounts}


def host_path(pod, path):
    """(path on the node, its type, read-only) of what is mounted at `path`"""
    mount, volume = mounts_of(pod)[path]
    source = volume["hostPath"]
    return source["path"], source.get("type") or "", mount.get("readOnly", False)


@pytest.fixture
def made(api, sandbox_id, cluster):
    answer = api.post(sandbox_id, user_id="_u_", thread_id="t-1", max_shell_sessions=7)
    assert answer.status_code == 201, answer.text
    return cluster.pod(sandbox_id), cluster.service(sandbox_id), answer


@pytest.mark.parametrize("which", [0, 1], ids=["pod", "service"])
def test_labels(made, sandbox_id, which):
    assert made[which]["metadata"]["labels"] == {
        "app": "deer-flow-sandbox",
        "sandbox-id": sandbox_id,
        "app.kubernetes.io/name": "deer-flow",
        "app.kubernetes.io/component": "sandbox",
        "app.kubernetes.io/managed-by": "sandbox-provisioner",
    }


@pytest.mark.parametrize("which", [0, 1], ids=["pod", "service"])
def test_annotations(made, which):
    annotations = made[which]["metadata"]["annotations"]
    assert annotations["sandbox-provisioner/user-id"] == "_u_"
    assert annotations["sandbox-provisioner/thread-id"] == "t-1"
    request_id = made[2].headers["X-Request-ID"]
    assert annotations["sandbox-provisioner/request-id"] == request_id
    assert annotations["sandbox-provisioner/api-key-name"] == "tests"


def test_the_service_is_owned_by_the_pod(made):
    (owner,) = made[1]["metadata"]["ownerReferences"]
    pod = made[0]["metadata"]
    assert (owner["apiVersion"], owner["kind"]) == ("v1", "Pod")
    assert (owner["name"], owner["uid"]) == (pod["name"], pod["uid"])


def test_service_spec(made, sandbox_id):
    spec = made[1]["spec"]
    assert spec["type"] == "NodePort"
    assert spec["selector"] == {"sandbox-id": sandbox_id}
    assert spec["publishNotReadyAddresses"] is True
    (port,) = spec["ports"]
    assert port["port"] == 8080
    assert port["targetPort"] in (8080, "http")
    assert made[2].json()["sandbox_url"] == f"http://127.0.0.1:{port['nodePort']}"


def test_container(made):
    container = container_of(made[0])
    assert container["name"] == "sandbox"
    assert container["image"] == "localhost/sandbox:1"
    assert container["imagePullPolicy"] == "IfNotPresent"
    (port,) = container["ports"]
    assert (port["name"], port["containerPort"]) == ("http", 8080)


def test_resources(made):
    resources = container_of(made[0])["resources"]
    assert resources == {
        "requests": {"cpu": "100m", "memory": "256Mi", "ephemeral-storage": "500Mi"},
        "limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "500Mi"},
    }


def test_probes(made):
    container = container_of(made[0])
    for name in ("readinessProbe", "livenessProbe"):
        check = container[name]["httpGet"]
        assert check["path"] == READY_PATH
        assert check["port"] in (8080, "http")
    readiness, liveness = container["readinessProbe"], container["livenessProbe"]
    assert readiness["periodSeconds"] == 1
    assert not readiness.get("initialDelaySeconds")
    # A sandbox that is busy with its one CPU must not be killed for it.
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30
    assert liveness["timeoutSeconds"] >= 3


def test_security(made):
    spec = made[0]["spec"]
    context = container_of(made[0])["securityContext"]
    assert context["privileged"] is False
    assert context["allowPrivilegeEscalation"] is True
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["restartPolicy"] == "Always"
    assert spec["terminationGracePeriodSeconds"] == 5
    for shared in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(shared)


def test_user_data_is_an_empty_dir_and_skills_are_absent_by_default(made):
    mounts = mounts_of(made[0])
    mount, volume = mounts["/mnt/user-data"]
    assert "emptyDir" in volume and not mount.get("readOnly")
    assert not [path for path in mounts if path.startswith("/mnt/skills")]
    assert not [v for v in made[0]["spec"]["volumes"] if "hostPath" in v]


def environment(pod):
    return {row["name"]: row.get("value") for row in container_of(pod).get("env", [])}


def test_max_shell_sessions_reaches_the_sandbox_and_is_echoed(made, api, sandbox_id):
    assert environment(made[0])["MAX_SHELL_SESSIONS"] == "7"
    assert made[2].json()["max_shell_sessions"] == 7
    assert api.get(sandbox_id).json()["max_shell_sessions"] == 7


def test_max_shell_sessions_unset(api, sandbox_id, cluster):
    assert api.create(sandbox_id)["max_shell_sessions"] == 10
    assert environment(cluster.pod(sandbox_id)).get("MAX_SHELL_SESSIONS") in (None, "10")


def test_cluster_ip(stack_with, key, sandbox_id, cluster):
    stack = stack_with(settings={"sandbox": {"service_type": "ClusterIP"}})
    sandbox = Api(stack.url, key).create(sandbox_id)
    spec = cluster.service(sandbox_id)["spec"]
    assert spec["type"] == "ClusterIP"
    assert not spec["ports"][0].get("nodePort")
    host = f"sandbox-{sandbox_id}-svc.{cluster.namespace}.svc.cluster.local"
    assert sandbox["sandbox_url"] == f"http://{host}:8080"


def test_image_port_and_host_by_environment(stack_with, key, sandbox_id, cluster):
    stack = stack_with(
        env={
            "SANDBOX_IMAGE": "localhost/other:2",
            "SANDBOX_CONTAINER_PORT": "9090",
            "NODE_HOST": "node.example",
        }
    )
    sandbox = Api(stack.url, key).create(sandbox_id)
    container = container_of(cluster.pod(sandbox_id))
    assert container["image"] == "localhost/other:2"
    assert container["ports"][0]["containerPort"] == 9090
    assert sandbox["sandbox_url"].startswith("http://node.example:")


# Storage on the node


BASE = "/srv/deer-flow"


@pytest.fixture
def with_storage(module_stack, key, cluster, new_id):
    """Creates a sandbox under storage settings and returns its pod."""

    def create(storage, **fields):
        stack = module_stack(settings={"storage": storage})
        sandbox_id = new_id()
        Api(stack.url, key).create(sandbox_id, **fields)
        return cluster.pod(sandbox_id)

    return create


def test_skills_host_path(with_storage):
    pod = with_storage({"skills_host_path": "/srv/skills"})
    assert host_path(pod, "/mnt/skills") == ("/srv/skills", "Directory", True)


def test_skills_root_of_the_request(with_storage):
    pod = with_storage({"skills_host_path": "/srv/skills"}, skills_container_path="/opt/skills")
    assert host_path(pod, "/opt/skills")[0] == "/srv/skills"
    assert "/mnt/skills" not in mounts_of(pod)


def test_skills_below_the_base_directory(with_storage):
    pod = with_storage({"base_dir": BASE}, user_id="u1")
    view = f"{BASE}/users/u1/skills_view"
    assert host_path(pod, "/mnt/skills/public") == (f"{BASE}/skills_view/public", "Directory", True)
    assert host_path(pod, "/mnt/skills/custom") == (f"{view}/custom", "Directory", True)
    assert host_path(pod, "/mnt/skills/legacy") == (f"{view}/legacy", "Directory", True)
    names = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {"skills-public", "skills-custom", "skills-legacy"} <= names


def test_skills_host_path_wins_over_the_base_directory(with_storage):
    pod = with_storage({"base_dir": BASE, "skills_host_path": "/srv/skills"})
    assert host_path(pod, "/mnt/skills")[0] == "/srv/skills"
    assert "/mnt/skills/public" not in mounts_of(pod)


def test_user_data_below_the_base_directory(with_storage):
    pod = with_storage({"base_dir": BASE}, user_id="u1", thread_id="t1")
    path = f"{BASE}/users/u1/threads/t1/user-data"
    assert host_path(pod, "/mnt/user-data") == (path, "DirectoryOrCreate", False)


def test_user_data_below_the_threads_path(with_storage):
    pod = with_storage({"threads_host_path": "/srv/threads"}, thread_id="t1")
    path = "/srv/threads/t1/user-data"
    assert host_path(pod, "/mnt/user-data") == (path, "DirectoryOrCreate", False)


def test_user_data_by_placeholders(with_storage):
    template = "/srv/{user_id}/{thread_id}/{sandbox_id}"
    pod = with_storage({"threads_host_path": template}, user_id="u1", thread_id="t1")
    path = host_path(pod, "/mnt/user-data")[0]
    assert path.startswith("/srv/u1/t1/" + pod["metadata"]["labels"]["sandbox-id"])


# Render and reality


SERVER_SIDE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "selfLink")


def holds(actual, wanted, path=""):
    """Asserts that `actual` has all that `wanted` has; the server may have added defaults."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            if value is False and name not in actual:
                continue  # the server leaves out what is false by default
            assert name in actual, f"{path}.{name} is missing"
            holds(actual[name], value, f"{path}.{name}")
    elif isinstance(wanted, list):
        assert len(actual) >= len(wanted), path
        for index, value in enumerate(wanted):
            holds(actual[index], value, f"{path}.{index}")
    else:
        assert actual == wanted, path


def test_render_prints_what_is_created(made, stack_with, sandbox_id, render, cluster):
    request = {
        "sandbox_id": sandbox_id,
        "user_id": "_u_",
        "thread_id": "t-1",
        "max_shell_sessions": 7,
    }
    pod, service = render(request)
    for rendered in (pod, service):
        # Which call made it, and when, is known only when it is made.
        for name in ("request-id", "api-key-name", "last-active-at"):
            rendered["metadata"]["annotations"].pop(f"sandbox-provisioner/{name}", None)
    for owner in service["metadata"].pop("ownerReferences", []):
        assert owner["name"] == pod["metadata"]["name"]
    holds(made[0], json.loads(json.dumps(pod)), "pod")
    holds(made[1], json.loads(json.dumps(service)), "service")
