"""What SECURITY.md promises, each promise held by the tests that stand beside it."""

from __future__ import annotations

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "handoff_analytics"
FILES = sorted(PACKAGE.rglob("*.py"))
# What runs text or bytes as a program.
RUNNING = {"eval", "exec", "compile", "__import__"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "ctypes", "code"}
NETWORK = {
    "socket",
    "ssl",
    "http",
    "urllib",
    "urllib3",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "xmlrpc",
    "websockets",
}
# Modules that may: the notebooks' server on loopback, and an engine that its user names.
CONNECTING = {"engines/spark.py"}
STARTING = {"lab.py"}
# Words of our own that stand in quotes inside of SQL: a tuple beside it names them all.
OUR_WORDS = {("correlation.py", "way")}
# Every way by which Python, or a library that asks Python, could reach another machine is refused, and told.
WATCH = """
import sys
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request"}:
        raise RuntimeError(f"somebody reached for the network: {event} {arguments}")
sys.addaudithook(watch)
"""
ALONE = (
    WATCH
    + """
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except (OSError, RuntimeError):
    pass
else:
    sys.exit("there is a network after all")
with open("/proc/net/dev") as devices:
    up = [line.split(":")[0].strip() for line in devices if ":" in line]
assert up == ["lo"], up
from handoff_analytics.cli import app
for command in (["demo"], ["check"], ["rank", "--csv"], ["audit"], ["plan", "50000"], ["aliases"], ["sql", "SELECT count(*) FROM spans"]):
    try:
        app(command, standalone_mode=True)
    except SystemExit as end:
        assert end.code in (0, None), (command, end.code)
import handoff_analytics as ha
history = ha.open("handoffs.duckdb")
ha.slides(history, "handoffs.pptx")
ha.charts.save(ha.charts.ranking(ha.rank(history)), "ranking.png")
ha.export_remediation(ha.remediation_list(history), "list.xlsx")
print("all of it ran")
"""
)


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # Quoting and splitting addresses opens none.
            names.add("" if node.module == "urllib.parse" else (node.module or "").split(".")[0])
    return names


def called(tree: ast.AST) -> set[str]:
    return {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def within(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def test_nothing_that_is_read_is_run() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert not called(tree) & RUNNING, within(path)
        assert not imported(tree) & UNSAFE, within(path)


def test_only_what_says_so_opens_a_connection_or_starts_a_program() -> None:
    trees = {within(path): ast.parse(path.read_text(encoding="utf-8")) for path in FILES}
    assert {name for name, tree in trees.items() if imported(tree) & NETWORK} == CONNECTING
    assert {name for name, tree in trees.items() if "subprocess" in imported(tree)} == STARTING
    text = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    assert not re.search(r"os\.(?:system|popen|exec\w+|spawn\w+)\(|shell=True", text)


def test_sql_gets_values_apart_and_names_in_quotes() -> None:
    pasted = set()
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.JoinedStr):
                continue
            for before, value in itertools.pairwise(node.values):
                text = before.value if isinstance(before, ast.Constant) else ""
                if isinstance(value, ast.FormattedValue) and re.search(r"(?:=|LIKE|IN \(|VALUES \()\s*'$", str(text)):
                    pasted.add((within(path), ast.unparse(value.value)))
    constants = {one for one in pasted if re.fullmatch(r"[A-Z_]+", one[1])}
    assert pasted - constants == OUR_WORDS, "bind a value with $name"


def alone(program: str, folder: Path, *, namespace: bool) -> subprocess.CompletedProcess[str]:
    prefix = ["unshare", "--net", *([] if os.getuid() == 0 else ["--map-root-user"])] if namespace else []
    return subprocess.run(
        [*prefix, sys.executable, "-c", program],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_the_whole_demo_runs_without_a_network(tmp_path: Path) -> None:
    if shutil.which("unshare") is None or alone("", tmp_path, namespace=True).returncode:
        pytest.skip("no network namespace may be made here")
    made = alone(ALONE, tmp_path, namespace=True)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "all of it ran" in made.stdout
    assert "reached for the network" not in made.stderr
    for name in ("handoffs.html", "handoffs.pptx", "ranking.png", "list.xlsx"):
        assert (tmp_path / name).stat().st_size > 1000


def test_a_load_and_a_report_reach_for_no_network(tmp_path: Path) -> None:
    program = (
        WATCH
        + """
import handoff_analytics as ha
history = ha.samples.three_systems()
ha.rank(history)
ha.charts.save(ha.charts.ranking(ha.rank(history)), "ranking.svg")
print("all of it ran")
"""
    )
    made = alone(program, tmp_path, namespace=False)
    assert made.returncode == 0, made.stderr[-3000:]
    assert "all of it ran" in made.stdout


def test_the_watch_sees_who_reaches_for_the_network(tmp_path: Path) -> None:
    for reach in (
        "import socket; socket.getaddrinfo('example.org', 80)",
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1')",
    ):
        made = alone(WATCH + reach, tmp_path, namespace=False)
        assert made.returncode != 0
        assert "somebody reached for the network" in made.stderr


def promises() -> list[tuple[str, list[str]]]:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8").partition("## What is not promised")[0]
    rows = re.findall(r"^\| (?!promise|---)(.+?) \| (.+?) \|$", text, flags=re.MULTILINE)
    return [(promise, re.findall(r"`(tests/[\w/]+\.py::\w+)`", tests)) for promise, tests in rows]


def test_every_promise_names_a_test_that_exists() -> None:
    found = promises()
    assert len(found) > 12
    for promise, tests in found:
        assert tests, f"no test is named beside: {promise}"
        for test in tests:
            file, _, name = test.partition("::")
            assert (ROOT / file).is_file(), test
            assert re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE), test
