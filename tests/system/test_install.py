"""`make install`, and the unit it installs: checked by systemd, its commands run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from stack import Nginx
from stack.process import Process, wait_until
from stack.stack import LANES, RuntimeDir

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/usr"
UNIT = "usr/lib/systemd/system/sandbox-provisioner.service"
EXPOSURE_LIMIT = 15  # tenths of what `systemd-analyze security` prints


def make_install(program: Path, destination: Path) -> None:
    # -o: the program under test is installed as it is, wherever it was built.
    subprocess.run(
        ["make", "-s", "-C", str(ROOT), "-o", str(program), "install", f"PROGRAM={program}",
         f"DESTDIR={destination}", f"PREFIX={PREFIX}"],
        check=True, timeout=60, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def installed(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    destination = tmp_path_factory.mktemp("installed")
    make_install(program, destination)
    return destination


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[RuntimeDir]:
    directory = RuntimeDir(tmp_path)
    yield directory
    directory.remove()


def unit_values(unit: Path, name: str) -> list[str]:
    lines = unit.read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def relocated(text: str, installed: Path, runtime: RuntimeDir) -> str:
    """The absolute paths of an installation, moved to where the test has them."""
    for path, place in (("/run/sandbox-provisioner", runtime.path),
                        ("/usr/sbin/sandbox-provisioner",
                         installed / "usr/sbin/sandbox-provisioner"),
                        ("/etc/sandbox-provisioner", installed / "etc/sandbox-provisioner")):
        text = text.replace(path, str(place))
    return text


def test_everything_is_where_the_files_say(installed: Path) -> None:
    site = "etc/nginx/sandbox-provisioner"
    files = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert files == {
        "usr/sbin/sandbox-provisioner", UNIT, "usr/lib/sysusers.d/sandbox-provisioner.conf",
        "etc/sandbox-provisioner/provisioner.conf",
        "etc/nginx/sites-available/sandbox-provisioner.conf",
    } | {f"{site}/{path.name}" for path in (ROOT / "nginx/sandbox-provisioner").iterdir()}
    assert stat.S_IMODE((installed / site / "keys").stat().st_mode) == 0o750


def test_a_second_install_keeps_what_the_operator_wrote(installed: Path, program: Path,
                                                        tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(installed, copy)
    theirs = [copy / "etc/sandbox-provisioner/provisioner.conf",
              *(copy / f"etc/nginx/sandbox-provisioner/{name}.conf"
                for name in ("listen", "sockets", "allow"))]
    ours = copy / "etc/nginx/sandbox-provisioner/errors.map"
    for path in (*theirs, ours):
        path.write_text("# edited\n")
    make_install(program, copy)
    assert {path.read_text() for path in theirs} == {"# edited\n"}
    assert ours.read_text() != "# edited\n"


def test_systemd_accepts_the_unit(installed: Path, tmp_path: Path) -> None:
    unit = tmp_path / "sandbox-provisioner.service"
    program = installed / "usr/sbin/sandbox-provisioner"
    unit.write_text((installed / UNIT).read_text()
                    .replace("/usr/sbin/sandbox-provisioner", str(program)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)],
                          capture_output=True, text=True, timeout=60)
    # It also reads the machine's own units, and complains of these as well.
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    assert done.returncode == 0, done.stderr


def test_the_unit_is_confined(installed: Path) -> None:
    subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                    f"--threshold={EXPOSURE_LIMIT}", str(installed / UNIT)],
                   check=True, timeout=60, stdout=subprocess.DEVNULL)


def test_the_units_commands_serve_the_installed_site(installed: Path, runtime: RuntimeDir,
                                                     tmp_path: Path, cluster) -> None:
    """With the installed provisioner.conf, whose sockets must be those of sockets.conf."""
    unit = installed / UNIT
    copy = tmp_path / "etc"
    shutil.copytree(installed / "etc", copy)
    config = copy / "sandbox-provisioner/provisioner.conf"
    config.write_text(relocated(config.read_text(), installed, runtime))
    temp = runtime.path / "temp"
    temp.mkdir(mode=0o711)

    def command(name: str) -> list[str]:
        [text] = unit_values(unit, name)
        moved = relocated(text, installed, runtime)
        return shlex.split(moved.replace(str(installed / "etc"), str(copy)))

    env = {"PATH": os.environ["PATH"], "KUBECONFIG_PATH": str(cluster.provisioner_kubeconfig),
           "K8S_NAMESPACE": cluster.namespace}
    checked = subprocess.run(command("ExecStartPre"), env=env, capture_output=True, text=True,
                             timeout=20)
    assert checked.returncode == 0, checked.stderr

    sockets = {lane: runtime.path / f"{lane}.sock" for lane in LANES}
    shipped = (copy / "nginx/sandbox-provisioner/sockets.conf").read_text()
    for lane, path in sockets.items():
        assert f"unix:/run/sandbox-provisioner/{lane}.sock;" in shipped
    nginx = Nginx(tmp_path / "nginx", temp, sockets)
    log = tmp_path / "provisioner.log"
    service = Process(command("ExecStart"), log, env)
    try:
        wait_until(lambda: not service.alive() or all(p.exists() for p in sockets.values()), 10,
                   "the sockets did not appear")
        assert service.alive(), log.read_text()
        assert {stat.S_IMODE(path.stat().st_mode) for path in sockets.values()} == {0o660}
        nginx.start()
        assert requests.get(f"{nginx.url}/health").status_code == 200
        assert requests.get(f"{nginx.url}/ready").status_code == 200

        os.kill(service.pid, signal.SIGHUP)  # ExecReload
        assert requests.get(f"{nginx.url}/health").status_code == 200
        os.kill(service.pid, signal.SIGTERM)
        wait_until(lambda: not service.alive(), 60, "the program did not end")
    finally:
        nginx.stop()
        service.stop()


def test_the_units_signals(installed: Path) -> None:
    unit = installed / UNIT
    assert unit_values(unit, "ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert unit_values(unit, "KillSignal") == ["SIGTERM"]
    assert unit_values(unit, "RuntimeDirectory") == ["sandbox-provisioner"]
