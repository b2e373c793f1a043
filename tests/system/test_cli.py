"""The command line: what needs no server."""

import json
import re
import stat
import subprocess

import pytest

GOOD_KEY = "a-good-key_0123456789"


def complaint(done):
    """The one sentence with which the program refuses."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    assert len(lines) == 1, lines
    return lines[0]


def test_help_names_every_option(program):
    done = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0
    for option in ("-c", "-n", "-V", "-h", "--render", "--nginx-keys"):
        assert option in done.stdout


def test_version(program):
    done = subprocess.run([program, "-V"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 0
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


def test_unknown_option(program):
    done = subprocess.run([program, "--nothing"], capture_output=True, text=True, timeout=10)
    assert done.returncode not in (0, None)
    assert done.stderr


# -n


@pytest.fixture
def check(run_program, cluster):
    def call(settings, **options):
        kubernetes = {"kubeconfig": str(cluster.provisioner_kubeconfig)}
        groups = {**settings, "kubernetes": {**kubernetes, **settings.get("kubernetes", {})}}
        return run_program("-n", settings=groups, **options)

    return call


@pytest.mark.parametrize(
    "settings, env",
    [
        ({}, {}),
        ({"storage": {"skills_host_path": "/srv/skills", "base_dir": "/srv/base"}}, {}),
        ({"storage": {"threads_host_path": "/srv/{user_id}/{thread_id}/{sandbox_id}"}}, {}),
        ({"sandbox": {"service_type": "ClusterIP", "port": 9000}}, {"NODE_HOST": "node.example"}),
        ({"server": {"readers": 4, "writers": 4, "probers": 1}}, {}),
    ],
)
def test_good_configurations(check, settings, env):
    done = check(settings, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "settings, env, named",
    [
        ({"storage": {"skills_host_path": "skills"}}, {}, "skills_host_path"),
        ({"storage": {"threads_host_path": "./threads"}}, {}, "threads_host_path"),
        ({"storage": {"base_dir": "base"}}, {}, "base_dir"),
        ({"storage": {"base_dir": "/srv/../etc"}}, {}, "base_dir"),
        ({"storage": {"threads_host_path": "/srv/{nobody}"}}, {}, "threads_host_path"),
        ({"storage": {"threads_host_path": "/srv/{user_id"}}, {}, "threads_host_path"),
        ({"sandbox": {"service_type": "LoadBalancer"}}, {}, "service_type"),
        ({"sandbox": {"port": 0}}, {}, "port"),
        ({"sandbox": {"port": 65536}}, {}, "port"),
        ({"sandbox": {"port": "8080"}}, {}, "port"),
        ({"sandbox": {"image": 5}}, {}, "image"),
        ({"server": {"writers": 0}}, {}, "writers"),
        ({"server": {"readers": 5000000000}}, {}, "readers"),
        ({"kubernetes": {"namespace": "Not_A_Namespace"}}, {}, "namespace"),
        ({"log": {"level": "loud"}}, {}, "level"),
        ({}, {"SKILLS_HOST_PATH": "skills"}, "SKILLS_HOST_PATH"),
        ({}, {"DEER_FLOW_HOST_BASE_DIR": "base"}, "DEER_FLOW_HOST_BASE_DIR"),
        ({}, {"THREADS_HOST_PATH": "/srv/{nobody}"}, "THREADS_HOST_PATH"),
        ({}, {"SANDBOX_CONTAINER_PORT": "80x"}, "SANDBOX_CONTAINER_PORT"),
        ({}, {"SANDBOX_SERVICE_TYPE": "nodeport"}, "SANDBOX_SERVICE_TYPE"),
        ({}, {"K8S_API_SERVER": "cluster.example"}, "K8S_API_SERVER"),
        ({}, {"K8S_API_SERVER": "https://:"}, "K8S_API_SERVER"),
        ({}, {"LARK_CLI_INIT_IMAGE": "lark:1"}, "LARK_CLI_INIT_IMAGE"),
        ({"kubernetes": {"context": "nowhere"}}, {}, "kubernetes.context"),
        ({"kubernetes": {"ca_file": "/no/such.crt"}}, {}, "kubernetes.ca_file"),
    ],
)
def test_bad_configurations_are_refused_by_name(check, settings, env, named):
    assert named in complaint(check(settings, env=env))


@pytest.mark.parametrize("by", ["file", "environment"])
def test_a_directory_in_place_of_a_kubeconfig(check, tmp_path, by):
    if by == "file":
        sentence = complaint(check({"kubernetes": {"kubeconfig": str(tmp_path)}}))
        assert "kubeconfig" in sentence
    else:
        sentence = complaint(check({}, env={"KUBECONFIG_PATH": str(tmp_path)}))
        assert "KUBECONFIG_PATH" in sentence
    assert "directory" in sentence


@pytest.mark.parametrize(
    "settings", [{"sandbox": {"imagee": "x"}}, {"sandboxes": {"image": "x"}}], ids=["key", "group"]
)
def test_an_unknown_key_is_refused_with_file_and_line(check, settings, tmp_path):
    sentence = complaint(check(settings))
    assert re.search(rf"{re.escape(str(tmp_path))}/provisioner\.conf:\d+", sentence)
    assert "imagee" in sentence or "sandboxes" in sentence


def test_a_syntax_error_is_refused_with_file_and_line(program, tmp_path):
    file = tmp_path / "broken.conf"
    file.write_text('sandbox = {\n\timage = "x"\n\tport 8080;\n};\n')
    done = subprocess.run([program, "-c", file, "-n"], capture_output=True, text=True, timeout=10)
    assert re.search(rf"{re.escape(str(file))}:[23]\b", complaint(done))


def test_a_missing_file_is_refused(program, tmp_path):
    file = tmp_path / "absent.conf"
    done = subprocess.run([program, "-c", file, "-n"], capture_output=True, text=True, timeout=10)
    assert str(file) in complaint(done)


# --render


def test_render_needs_no_cluster(render):
    pod, service = render({"sandbox_id": "abc"})
    assert pod["metadata"]["name"] == "sandbox-abc"
    assert service["metadata"]["name"] == "sandbox-abc-svc"


def test_render_by_environment(run_program):
    done = run_program(
        "--render",
        settings={},
        stdin='{"sandbox_id": "abc"}',
        env={"K8S_NAMESPACE": "elsewhere", "SANDBOX_IMAGE": "localhost/x:1"},
    )
    assert done.returncode == 0, done.stderr
    pod = json.loads(done.stdout)["items"][0]
    assert pod["metadata"]["namespace"] == "elsewhere"
    assert pod["spec"]["containers"][0]["image"] == "localhost/x:1"


def test_render_defaults_to_deerflows_image(run_program):
    done = run_program("--render", settings={}, stdin='{"sandbox_id": "abc"}')
    image = json.loads(done.stdout)["items"][0]["spec"]["containers"][0]["image"]
    assert image == (
        "enterprise-public-cn-beijing.cr.volces.com/vefaas-public/all-in-one-sandbox:latest"
    )


@pytest.mark.parametrize(
    "body, named",
    [
        ("", "body"),
        ("[]", "object"),
        ('{"sandbox_id": "A"}', "sandbox_id"),
        ('{"sandbox_id": "abc", "max_shell_sessions": 0}', "max_shell_sessions"),
    ],
)
def test_render_refuses_what_post_refuses(run_program, body, named):
    done = run_program("--render", settings={}, stdin=body)
    assert done.returncode == 1
    assert not done.stdout.strip()
    assert named in done.stderr.lower()


# --nginx-keys


@pytest.fixture
def make_keys(run_program, tmp_path):
    """Runs --nginx-keys with the lines of a key file; returns what it did and its output."""
    output = tmp_path / "keys.map"

    def call(lines=None, key=None, mode=0o600):
        settings = {}
        if lines is not None:
            (tmp_path / "keys").write_text(lines)
            (tmp_path / "keys").chmod(mode)
            settings = {"auth": {"key_file": str(tmp_path / "keys")}}
        env = {} if key is None else {"PROVISIONER_API_KEY": key}
        return run_program("--nginx-keys", str(output), settings=settings, env=env), output

    return call


def rows(output):
    return [line.strip() for line in output.read_text().splitlines() if line.startswith('"')]


def test_keys_of_environment_and_file(make_keys):
    done, output = make_keys(f"gateway {GOOD_KEY}\nother {GOOD_KEY}2\n", key=GOOD_KEY + "3")
    assert done.returncode == 0, done.stderr
    assert sorted(rows(output)) == sorted(
        [f'"~^{GOOD_KEY}3$" default;', f'"~^{GOOD_KEY}$" gateway;', f'"~^{GOOD_KEY}2$" other;']
    )
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def test_keys_replace_an_older_file(make_keys):
    make_keys(key=GOOD_KEY)
    done, output = make_keys(key=GOOD_KEY + "new")
    assert done.returncode == 0, done.stderr
    assert rows(output) == [f'"~^{GOOD_KEY}new$" default;']
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def test_no_key_at_all_is_no_row(make_keys):
    done, output = make_keys()
    assert done.returncode == 0, done.stderr
    assert rows(output) == []


@pytest.mark.parametrize(
    "key", ["short", "x" * 15, "x" * 129, "has space in the key", 'quote"quote"quote"', "~^.*$" * 4]
)
def test_a_bad_key_is_refused_and_not_printed(make_keys, key):
    done, output = make_keys(key=key)
    assert key not in complaint(done)
    assert not output.exists()


@pytest.mark.parametrize(
    "lines",
    ["gateway\n", "gateway short\n", f"bad;name {GOOD_KEY}\n", f"a {GOOD_KEY} more\n"],
)
def test_a_bad_line_is_refused_with_its_number(make_keys, lines):
    done, output = make_keys("# comment\n" + lines)
    assert re.search(r":2\b", complaint(done))
    assert not output.exists()


def test_a_key_file_that_everybody_reads_is_refused(make_keys, tmp_path):
    done, output = make_keys(f"gateway {GOOD_KEY}\n", mode=0o644)
    assert str(tmp_path / "keys") in complaint(done)
    assert not output.exists()


def test_a_missing_key_file_is_refused(run_program, tmp_path):
    settings = {"auth": {"key_file": str(tmp_path / "absent")}}
    done = run_program("--nginx-keys", str(tmp_path / "out"), settings=settings)
    assert str(tmp_path / "absent") in complaint(done)
