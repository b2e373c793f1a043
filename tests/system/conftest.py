"""Fixtures of the system suite: a cluster, nginx + spawn-fcgi + the program, and a client."""

import contextlib
import itertools
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import manifests  # noqa: E402
from http_api import Api  # noqa: E402
from kube_view import Cluster, RealCluster, StubCluster  # noqa: E402
from stack import Stack, Stub  # noqa: E402
from stack.provisioner import libconfig_text, merge  # noqa: E402

KEY = "system-tests_" + secrets.token_hex(8)
IMAGE = "localhost/sandbox:1"

Settings = dict[str, Any]
MakeStack = Callable[..., Stack]
NewId = Callable[[], str]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cluster")
    group.addoption("--cluster", default="stub", help="stub, or an administrator's kubeconfig")
    group.addoption("--provisioner-kubeconfig", type=Path, help="what the program works with")
    group.addoption("--audit-log", type=Path, help="the API server's, one JSON event a line")
    group.addoption("--namespace", help="of the sandboxes")
    group.addoption("--node", action="store_true", help="the cluster runs pods")
    group.addoption(
        "--program",
        type=Path,
        default=Path(os.environ.get("PROGRAM", ROOT / "build/sandbox-provisioner")),
    )


def pytest_configure(config: pytest.Config) -> None:
    for line in (
        "stub: needs the stand-in's fault injection",
        "node: needs a cluster that runs pods",
        "calls: needs a record of the API server's requests",
    ):
        config.addinivalue_line("markers", line)
    if config.getoption("cluster") != "stub":
        for option in ("provisioner_kubeconfig", "namespace"):
            if config.getoption(option) is None:
                raise pytest.UsageError(f"--cluster KUBECONFIG needs --{option.replace('_', '-')}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    is_stub = config.getoption("cluster") == "stub"
    missing = {
        "stub": None if is_stub else "needs the stand-in's fault injection",
        "node": None if config.getoption("node") else "needs a node that runs pods (--node)",
        "calls": None
        if is_stub or config.getoption("audit_log")
        else "needs the API server's audit log (--audit-log)",
    }
    # A node is measured before the others load it; the order is else as it was.
    items.sort(key=lambda item: item.get_closest_marker("node") is None)
    for item in items:
        for marker, reason in missing.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def program(request: pytest.FixtureRequest) -> Path:
    path: Path = request.config.getoption("program")
    assert path.is_file(), f"{path} is missing: make it, or name it with --program"
    return path.resolve()


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    option = request.config.getoption
    namespace: Optional[str] = option("namespace")
    if option("cluster") != "stub":
        yield RealCluster(
            option("audit_log"),
            Path(option("cluster")),
            option("provisioner_kubeconfig"),
            namespace,
            has_node=option("node"),
        )
        return
    directory = tmp_path_factory.mktemp("stub")
    with Stub(directory) as process:
        stub = StubCluster(directory, process.url, namespace or "deer-flow")
        stub.ensure_namespace()
        yield stub


def base_settings(cluster: Cluster) -> Settings:
    return {
        "kubernetes": {"namespace": cluster.namespace},
        "sandbox": {"image": IMAGE, "node_host": "127.0.0.1"},
    }


def make_stack(
    cluster: Cluster,
    program: Path,
    workdir: Path,
    settings: Optional[Settings] = None,
    env: Optional[dict[str, str]] = None,
    api_keys: Optional[dict[str, str]] = None,
) -> Stack:
    return Stack(
        cluster.provisioner_kubeconfig,
        workdir,
        program=program,
        api_keys={"tests": KEY} if api_keys is None else api_keys,
        settings=merge(base_settings(cluster), settings or {}),
        env=env or {},
    )


@contextlib.contextmanager
def watched(stack: Stack) -> Iterator[Stack]:
    """Runs a stack; fails when a sanitizer built into the program has found anything."""
    stack.drain_s = 60  # a worker looks for leaks when it leaves
    with stack as running:
        yield running
    log = stack.log()
    assert "Sanitizer" not in log and "runtime error:" not in log, log[-8000:]


@pytest.fixture(scope="session")
def stack(
    cluster: Cluster, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The stack that most tests share. Tests that kill or starve make their own."""
    with watched(make_stack(cluster, program, tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture
def stack_with(
    cluster: Cluster, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeStack]:
    """Starts stacks of other configurations, for one test; `on` names another cluster."""
    with contextlib.ExitStack() as stacks:

        def start(*, on: Optional[Cluster] = None, **options: Any) -> Stack:
            workdir = tmp_path_factory.mktemp("stack")
            return stacks.enter_context(
                watched(make_stack(on or cluster, program, workdir, **options))
            )

        yield start


@pytest.fixture(scope="module")
def module_stack(
    cluster: Cluster, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeStack]:
    """The same for a whole module: a stack of each configuration is started once."""
    running: dict[str, Stack] = {}
    with contextlib.ExitStack() as stacks:

        def start(**options: Any) -> Stack:
            name = repr(options)
            if name not in running:
                workdir = tmp_path_factory.mktemp("stack")
                stack = make_stack(cluster, program, workdir, **options)
                running[name] = stacks.enter_context(watched(stack))
            return running[name]

        yield start


@pytest.fixture(scope="session")
def api(stack: Stack) -> Api:
    return Api(stack.url, KEY)


@pytest.fixture(scope="session")
def key() -> str:
    return KEY


@pytest.fixture(scope="session")
def id_numbers() -> Iterator[int]:
    return itertools.count(1)


RUN = secrets.token_hex(3)


@pytest.fixture
def new_id(cluster: Cluster, id_numbers: Iterator[int]) -> Iterator[NewId]:
    """Makes sandbox ids that no other test has; nothing of them outlives the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"t{RUN}-{next(id_numbers)}")
        return made[-1]

    yield make
    for sandbox_id in made:
        cluster.remove(sandbox_id)


@pytest.fixture
def sandbox_id(new_id: NewId) -> str:
    return new_id()


@pytest.fixture
def adopted(cluster: Cluster, sandbox_id: str) -> str:
    """A sandbox that DeerFlow's own provisioner made; no scheduler or kubelet touches it."""
    cluster.make_pod(manifests.pod(sandbox_id))
    cluster.make_service(manifests.service(sandbox_id))
    cluster.set_status(sandbox_id, manifests.RUNNING)
    return sandbox_id


@pytest.fixture
def run_program(program: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs the program with a configuration file made from settings, and no cluster."""

    def run(
        *options: str, settings: Settings, stdin: str = "", env: Optional[dict[str, str]] = None
    ) -> subprocess.CompletedProcess:
        file = tmp_path / "provisioner.conf"
        file.write_text(libconfig_text(settings))
        return subprocess.run(
            [program, "-c", file, *options],
            input=stdin,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **(env or {})},
            capture_output=True,
            text=True,
            timeout=20,
        )

    return run


@pytest.fixture
def render(
    cluster: Cluster, run_program: Callable[..., subprocess.CompletedProcess]
) -> Callable[[dict[str, Any]], tuple[Any, Any]]:
    """What --render prints for a request under the shared stack's settings: Pod and Service."""

    def call(request: dict[str, Any]) -> tuple[Any, Any]:
        settings = base_settings(cluster)
        done = run_program("--render", settings=settings, stdin=json.dumps(request))
        assert done.returncode == 0, done.stderr
        printed = json.loads(done.stdout)
        pod, service = printed["items"]
        assert (pod["kind"], service["kind"]) == ("Pod", "Service")
        return pod, service

    return call
