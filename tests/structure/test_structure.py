"""The shape of the code that nobody should have to look after: who includes whom, and how long."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADERS = sorted((ROOT / "app").glob("*.h")) + sorted((ROOT / "k8s_client").glob("*.h"))
SOURCES = sorted((ROOT / "app").glob("*.[ch]")) + sorted((ROOT / "k8s_client").glob("*.[ch]"))
LIBRARY = [path for path in SOURCES if path.parent.name == "k8s_client"]
APP = [path for path in SOURCES if path.parent.name == "app"]

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 80

# No bound, no way to report an error, or not safe beside a signal.
BANNED = re.compile(
    r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok|atoi|atol|atof|alloca|system|popen|tmpnam"
    r"|mktemp|localtime|gmtime|asctime|ctime|strncpy|strncat)\s*\("
)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def includes(path: Path) -> list[str]:
    return re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(), re.M)


def code(path: Path) -> str:
    """Without comments and texts, with the same lines."""

    def blank(match: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", match.group())

    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, path.read_text(), flags=re.S)


def functions(path: Path) -> list[tuple[int, int]]:
    """First and last line of each function: its braces stand in the first column."""
    lines = path.read_text().splitlines()
    begins = [n for n, line in enumerate(lines, 1) if line == "{"]
    ends = [n for n, line in enumerate(lines, 1) if line == "}"]
    return list(zip(begins, ends))


@pytest.mark.parametrize("header", HEADERS, ids=name)
def test_header_compiles_alone(header: Path, tmp_path: Path) -> None:
    source = tmp_path / "alone.c"
    source.write_text(f'#include "{header}"\nextern int alone;\n')
    path = ["-Ik8s_client"] if header.parent.name == "app" else []
    command = ["gcc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    done = subprocess.run(
        [*command, *path, str(source)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("source", LIBRARY, ids=name)
def test_library_knows_no_application(source: Path) -> None:
    ours = {path.name for path in LIBRARY}
    foreign = {path.name for path in APP} - ours
    assert not foreign & set(includes(source))
    assert not {"fcgiapp.h", "libconfig.h"} & set(includes(source))


@pytest.mark.parametrize("source", APP, ids=name)
def test_application_uses_only_the_public_header(source: Path) -> None:
    private = {path.name for path in LIBRARY} - {"k8s.h"} - {path.name for path in APP}
    assert not private & set(includes(source))
    assert not {"curl/curl.h", "yaml.h"} & set(includes(source))


@pytest.mark.parametrize("source", [p for p in LIBRARY if p.suffix == ".c"], ids=name)
def test_library_neither_logs_nor_exits(source: Path) -> None:
    assert not re.search(r"\b(printf|puts|perror|exit|_exit|abort|syslog)\s*\(", code(source))
    assert not re.search(r"\b(stdout|stderr|stdin)\b", code(source))


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_no_banned_function(source: Path) -> None:
    assert not BANNED.findall(code(source))


@pytest.mark.parametrize("source", SOURCES, ids=name)
def test_file_holds_one_concern(source: Path) -> None:
    assert len(source.read_text().splitlines()) <= FILE_LINES_MAX


@pytest.mark.parametrize("source", [p for p in SOURCES if p.suffix == ".c"], ids=name)
def test_functions_can_be_read(source: Path) -> None:
    assert functions(source), "no function found: has the style of braces changed?"
    too_long = [(b, e) for b, e in functions(source) if e - b + 1 > FUNCTION_LINES_MAX]
    assert not too_long


def test_environment_is_never_written() -> None:
    """libfcgi's stdio wrapper redefines environ, and CGI variables could reach a child."""
    for source in SOURCES:
        assert "fcgi_stdio.h" not in includes(source)
        assert not re.search(r"\b(setenv|putenv|clearenv)\s*\(", code(source))
