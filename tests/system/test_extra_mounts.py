"""Extra mounts: what is allowed, what they replace, and the sentence of every refusal."""

import pytest

from http_api import Api, assert_problem
from test_objects import BASE, host_path, mounts_of

ALLOWED = [
    "/mnt/acp-workspace",
    "/mnt/integrations/lark-cli/config",
    "/mnt/integrations/lark-cli/config/locks",
    "/mnt/integrations/lark-cli/data",
    "/mnt/integrations/lark-cli/runtime",
    "/mnt/skills/public",
    "/mnt/skills/custom",
    "/mnt/skills/legacy",
    "/mnt/skills/integrations",
]


def mount(host, container="/mnt/acp-workspace", **more):
    return {"host_path": host, "container_path": container, **more}


@pytest.fixture
def based(module_stack, key):
    """A client of a provisioner with a base directory."""
    return Api(module_stack(settings={"storage": {"base_dir": BASE}}).url, key)


def test_every_allowed_path_is_mounted(based, sandbox_id, cluster):
    mounts = [mount(f"{BASE}/shared/m{n}", path) for n, path in enumerate(ALLOWED)]
    based.create(sandbox_id, extra_mounts=mounts)
    pod = cluster.pod(sandbox_id)
    for row in mounts:
        assert host_path(pod, row["container_path"])[0] == row["host_path"]


def test_read_only_is_kept_and_off_by_default(based, sandbox_id, cluster):
    mounts = [
        mount(f"{BASE}/shared/a", "/mnt/acp-workspace"),
        mount(f"{BASE}/shared/b", "/mnt/skills/integrations", read_only=True),
    ]
    based.create(sandbox_id, extra_mounts=mounts)
    pod = cluster.pod(sandbox_id)
    assert host_path(pod, "/mnt/acp-workspace")[2] is False
    assert host_path(pod, "/mnt/skills/integrations")[2] is True


def test_a_mount_replaces_the_base_layouts(based, sandbox_id, cluster):
    own = f"{BASE}/users/u1/own-skills"
    mounts = [mount(own, "/mnt/skills/custom", read_only=True)]
    based.create(sandbox_id, user_id="u1", extra_mounts=mounts)
    pod = cluster.pod(sandbox_id)
    assert host_path(pod, "/mnt/skills/custom")[0] == own
    assert host_path(pod, "/mnt/skills/public")[0] == f"{BASE}/skills_view/public"
    names = [volume["name"] for volume in pod["spec"]["volumes"]]
    used = {row[0]["name"] for row in mounts_of(pod).values()}
    assert sorted(names) == sorted(used), "a volume is left that nothing mounts"


def test_paths_follow_the_skills_root(based, sandbox_id, cluster):
    mounts = [mount(f"{BASE}/shared/s", "/opt/skills/custom", read_only=True)]
    based.create(sandbox_id, skills_container_path="/opt/skills", extra_mounts=mounts)
    assert host_path(cluster.pod(sandbox_id), "/opt/skills/custom")[0] == f"{BASE}/shared/s"


REFUSED = [
    (
        [mount(f"{BASE}/shared/{n}") for n in range(11)],
        "Too many extra mounts; max is 10",
    ),
    ([mount("shared/x")], "Extra mount host path must be absolute: shared/x"),
    ([mount("/etc")], "Extra mount host path is outside DeerFlow state: /etc"),
    ([mount(BASE)], f"Extra mount host path is outside DeerFlow state: {BASE}"),
    ([mount(BASE + "-2/x")], f"Extra mount host path is outside DeerFlow state: {BASE}-2/x"),
    (
        [mount(f"{BASE}/shared/x", "mnt/acp-workspace")],
        "Extra mount path must be absolute: mnt/acp-workspace",
    ),
    ([mount(f"{BASE}/shared/x", "/mnt/other")], "Unsupported extra mount path: /mnt/other"),
    ([mount(f"{BASE}/shared/x", "/mnt/user-data")], "Unsupported extra mount path: /mnt/user-data"),
    ([mount(f"{BASE}/shared/x", "/mnt/skills")], "Unsupported extra mount path: /mnt/skills"),
    (
        [mount(f"{BASE}/shared/x"), mount(f"{BASE}/shared/y")],
        "Duplicate extra mount path: /mnt/acp-workspace",
    ),
]


@pytest.mark.parametrize("mounts, detail", REFUSED, ids=[row[1] for row in REFUSED])
def test_refusals_say_why(based, sandbox_id, cluster, mounts, detail):
    problem = assert_problem(based.post(sandbox_id, extra_mounts=mounts), 400)
    assert problem["detail"] == detail
    assert cluster.gone(sandbox_id)


@pytest.mark.parametrize(
    "host",
    [f"{BASE}/shared/../x", f"{BASE}/./x", f"{BASE}//x", f"{BASE}/shared/", f"{BASE}/.."],
)
def test_host_paths_that_are_not_canonical_are_refused(based, sandbox_id, host):
    problem = assert_problem(based.post(sandbox_id, extra_mounts=[mount(host)]), 400)
    assert problem["detail"] == f"Invalid extra mount host path: {host}"


@pytest.mark.parametrize("path", ["users", "users/u2", "users/u2/x", "users/u1/../u2/x"])
def test_another_users_files_are_refused(based, sandbox_id, path):
    host = f"{BASE}/{path}"
    answer = based.post(sandbox_id, user_id="u1", extra_mounts=[mount(host)])
    assert host in assert_problem(answer, 400)["detail"]


@pytest.mark.parametrize(
    "host",
    [
        f"{BASE}/users/u1/threads/t1/user-data",
        f"{BASE}/users/u1/threads/t1/user-data/sub",
        f"{BASE}/users/u1/threads/t2/user-data/sub",
    ],
)
def test_what_a_sandbox_can_write_is_no_mount_source(based, sandbox_id, host):
    fields = {"user_id": "u1", "thread_id": "t1", "extra_mounts": [mount(host)]}
    assert host in assert_problem(based.post(sandbox_id, **fields), 400)["detail"]


def test_nothing_below_another_writable_mount_of_the_request(based, sandbox_id):
    inner = f"{BASE}/shared/outer/inner"
    mounts = [mount(f"{BASE}/shared/outer"), mount(inner, "/mnt/skills/integrations")]
    answer = based.post(sandbox_id, extra_mounts=mounts)
    assert inner in assert_problem(answer, 400)["detail"]


def test_without_a_base_directory_there_is_nothing_to_mount(api, sandbox_id):
    answer = api.post(sandbox_id, extra_mounts=[mount("/srv/x")])
    problem = assert_problem(answer, 400)
    assert problem["detail"] == "Extra mount host path is outside DeerFlow state: /srv/x"


@pytest.mark.parametrize(
    "broken, field",
    [
        ({"container_path": "/mnt/acp-workspace"}, "host_path"),
        ({"host_path": f"{BASE}/x"}, "container_path"),
        (mount(5), "host_path"),
        (mount(f"{BASE}/x", 5), "container_path"),
        (mount(f"{BASE}/x", read_only="yes"), "read_only"),
    ],
)
def test_a_broken_mount_is_422_and_named(based, sandbox_id, broken, field):
    problem = assert_problem(based.post(sandbox_id, extra_mounts=[broken]), 422)
    (error,) = problem["errors"]
    assert error["field"].startswith("extra_mounts")
    assert field in error["field"] + error["message"]
