"""What happens to a million bad inputs?

    PYTHONPATH=. python bench/fuzz/campaign.py --inputs 100000 --seed 1 --corpus FOLDER

Every loader, mapping, rule file, catalogue and command is given inputs that follow from the seed. What is wanted: an
answer or an error of our own within ten seconds of CPU, memory within its limit, and every record accounted for. What is
found otherwise is kept beside the figures. The corpus is made by the tests of the loaders: see corpus.py.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import lzma
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import zipfile
from collections import Counter, defaultdict
from contextlib import redirect_stderr, redirect_stdout
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl

import handoff_analytics as ha
from handoff_analytics import cli, schema, store
from handoff_analytics.catalogue import catalogue
from handoff_analytics.errors import HandoffError
from handoff_analytics.loaders import detect, drafts, formats, moments, redact, sources, stages, tabular, times
from handoff_analytics.loaders.ledger import Sink
from handoff_analytics.model import rules

sys.path.insert(0, str(Path(__file__).parent))
from mutations import TOKENS, VALUES, mutated, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_S = 10.0
MEMORY_MIB = 700
"""How much more memory one input may take; the files are of a few kilobytes."""
ZONES = (None, None, None, "Europe/Berlin", "America/New_York")
SECTIONS = ("traces", "logs", "runs", "tickets", "eventlogs")


class TooSlowError(Exception):
    """An input took longer than `PATIENCE_S` of CPU."""


class DrySink(Sink):
    """Takes records as a sink does, up to the point at which they would be written."""

    def load_frame(self, table: str, frame: pl.DataFrame, *, primary: bool = True) -> None:  # noqa: ARG002 - as the sink has it
        if primary:
            self.counts["loaded"] += frame.height
        self._widen(self._redaction.applied(frame))

    def _write_ledger(self) -> None:
        self._rejects.clear()
        self._flags.clear()


class Campaign:
    """Feeds inputs, and counts what came of them."""

    def __init__(self, corpus: list[bytes], *, seed: int, folder: Path) -> None:
        self.corpus = corpus
        self.random = Random(seed)
        self.folder = folder
        self.path = folder / "input"
        self.known = formats()
        self.connection = store.connect(store.MEMORY)
        schema.prepare(self.connection, store.MEMORY)
        self.history = ha.samples.three_systems()
        home = files("handoff_analytics")
        self.mappings = [entry.read_bytes() for entry in home.joinpath("loaders", "mappings").iterdir()]
        self.rules = home.joinpath("model", "failure_rules.csv").read_bytes()
        self.tables = [text for text in corpus if text.count(b",") > 4 and text[:1] not in b"{[<"] or [b"a,b\n1,2\n"]
        self.catalogues = [text for text in corpus if b"[system" in text or b"[costs" in text] or [b"[costs]\n"]
        self.inputs: Counter[str] = Counter()
        self.ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.records: Counter[str] = Counter()
        self.slowest_s: defaultdict[str, float] = defaultdict(float)
        self.found: dict[str, dict[str, Any]] = {}

    def bad(self, seeds: list[bytes]) -> bytes:
        return mutated(shortened(self.random.choice(seeds), self.random), seeds, self.random)

    def run(self, inputs: int, *, seconds: float) -> None:
        targets: list[tuple[int, Callable[[], str]]] = [
            (60, self.load), (10, self.load_as), (2, self.load_for_good), (6, self.archive), (8, self.mapping), (3, self.draft),
            (8, self.catalogue), (3, self.rules_file), (30, self.field), (4, self.command), (6, self.query),
        ]  # fmt: skip
        signal.signal(signal.SIGPROF, _stop)
        weights = [weight for weight, _ in targets]
        until = time.monotonic() + seconds
        while sum(self.inputs.values()) < inputs and time.monotonic() < until:
            (target,) = self.random.choices([target for _, target in targets], weights)
            self.one(target)

    def one(self, target: Callable[[], str]) -> None:
        name = target.__name__
        self.inputs[name] += 1
        self.content: Any = None
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
        try:
            end = target()
        except HandoffError as refusal:
            end = type(refusal).__name__
            if not str(refusal).strip():
                self.finding(name, "an error without a sentence")
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            end = f"! {type(fault).__name__}"
            self.finding(name, traceback.format_exc(), fault)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        self.ends[name][end] += 1
        self.slowest_s[name] = max(self.slowest_s[name], time.process_time() - started)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        if grown > MEMORY_MIB:
            self.finding(name, f"memory grew by {grown:.0f} MiB")

    def finding(self, name: str, text: str, fault: BaseException | None = None) -> None:
        frames = traceback.extract_tb(fault.__traceback__) if fault is not None else []
        ours = [frame for frame in frames if "handoff_analytics" in frame.filename]
        place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else text[:60]
        key = f"{name} {type(fault).__name__} {place}"
        if key in self.found:
            self.found[key]["times"] += 1
            return
        content = (
            self.content if isinstance(self.content, bytes) else repr(self.content).encode("utf-8", "backslashreplace")
        )
        number = len(self.found)
        (self.folder / f"finding-{number}").write_bytes(content)
        self.found[key] = {"times": 1, "input": str(self.folder / f"finding-{number}"), "text": text[-3000:]}
        print(f"FOUND {key}\n{text[-1800:]}", flush=True)

    def written(self, content: bytes, name: str = "input") -> Path:
        self.content = content
        path = self.folder / name
        path.write_bytes(content)
        return path

    def parsed(
        self,
        path: Path,
        *,
        wanted: str | None = None,
        known: Any = None,
        kind: type[Sink] = DrySink,
        mapping: Any = None,
    ) -> str:
        """Read a file as `load` does, and check that each record has one end; what is written is rolled back."""
        loaded = 0
        for source in sources(path):
            found = detect(source, known or self.known, wanted=wanted)
            self.connection.execute("BEGIN").fetchall()
            sink = kind(self.connection, 1, salt="salt", timezone=self.random.choice(ZONES), mapping=mapping)
            try:
                found.format.parse(source, sink, found)
                sink.flush()
                sink.balance()
            finally:
                sink.abandon()
                self.connection.execute("ROLLBACK").fetchall()
            self.records["seen"] += sink.counts["seen"]
            for what in ("loaded", "rejected", "duplicate", "skipped"):
                self.records[what] += sink.counts[what]
            loaded += sink.counts["loaded"]
        return "loaded" if loaded else "nothing loaded"

    # What is given an input, a method each: it returns how it ended.

    def load(self) -> str:
        return self.parsed(self.written(self.bad(self.corpus)))

    def load_as(self) -> str:
        wanted = self.random.choice(self.known).name
        return self.parsed(self.written(self.bad(self.corpus)), wanted=wanted)

    def load_for_good(self) -> str:
        return self.parsed(self.written(self.bad(self.corpus)), kind=Sink)

    def archive(self) -> str:
        content = self.bad(self.corpus)
        way = self.random.randrange(4)
        if way == 0:
            packed = gzip.compress(content)
        elif way == 1:
            packed = bz2.compress(content)
        elif way == 2:
            packed = lzma.compress(content, preset=0)
        else:
            memory = io.BytesIO()
            with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as members:
                for number in range(self.random.randrange(1, 4)):
                    name = self.random.choice(
                        ("a.json", "b/c.csv", "../../x", "/etc/passwd", "a" * 300, f"{number}.jsonl")
                    )
                    members.writestr(name, content)
            packed = memory.getvalue()
        if self.random.random() < 0.7:
            packed = mutated(packed, self.corpus, self.random)
        return self.parsed(self.written(packed, "input.zip" if way == 3 else "input.gz"))

    def mapping(self) -> str:
        content = self.bad(self.mappings)
        path = self.written(content, "input.toml")
        wanted = tabular.mapped(path)
        return self.parsed(self.written(self.bad(self.tables)), wanted=wanted.name, known=[wanted])

    def draft(self) -> str:
        path = self.written(self.bad(self.tables))
        drafted = drafts.draft_mapping(path)
        mapping = self.written(drafted.encode("utf-8", "surrogatepass"), "draft.toml")
        self.content = path.read_bytes()
        drafts.check_mapping(path, mapping)
        return "drafted"

    def catalogue(self) -> str:
        self.content = self.bad(self.catalogues)
        catalogue(self.content, file="fuzzed.toml")
        return "read"

    def rules_file(self) -> str:
        self.connection.execute("BEGIN").fetchall()
        try:
            rules.load_rules(self.connection, self.written(self.bad([self.rules])))
        finally:
            self.connection.execute("ROLLBACK").fetchall()
        return "read"

    def field(self) -> str:
        """Give one text to everything that reads a text."""
        value = self.random.choice(VALUES)
        text = value if isinstance(value, str) else json.dumps(value)
        for _ in range(self.random.randrange(4)):
            place = self.random.randrange(len(text) + 1)
            text = (
                text[:place]
                + self.random.choice(TOKENS).decode("utf-8", "replace")
                + text[place + self.random.randrange(3) :]
            )
        text = text.encode("utf-8", "replace").decode()
        self.content = text
        stages.stage(text)
        stages.priority(text)
        redact.Redaction(True).masked(text)
        clock = moments.Clock(timezone=self.random.choice(ZONES))
        clock.learn([text])
        clock.read(text)
        several = pl.Series([text, None, text[:40], text[::-1][:40]], dtype=pl.String)
        times.durations_s(several, unit=self.random.choice(("s", "ms", "us", "ns", "min", "h")))
        times.day_first(several, ("%d/%m/%Y", "%m/%d/%Y"))
        times.epoch_unit(several)
        return "read"

    def command(self) -> str:
        names = [
            "rank",
            "load",
            "plan",
            "compare",
            "report",
            "audit",
            "aliases",
            "sql",
            "check",
            "draft-mapping",
            "check-mapping",
            "x",
        ]
        options = [
            "--json",
            "--csv",
            "--since",
            "--until",
            "--top",
            "--into",
            "--format",
            "--mapping",
            "--timezone",
            "--keep",
            "--out",
            "--help",
            "-",
        ]
        given = [self.random.choice(names)]
        for _ in range(self.random.randrange(5)):
            value = self.random.choice(VALUES)
            text = value if isinstance(value, str) else json.dumps(value)
            given.append(
                self.random.choice((text, text, self.random.choice(options), str(self.path))).replace("\0", "")
            )
        given = [word.encode("utf-8", "replace").decode() for word in given]
        self.content = given
        self.written(self.bad(self.corpus))
        self.content = given
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                cli.app(given, standalone_mode=True, prog_name="handoffs")
        except SystemExit as end:
            return f"exit {end.code}"
        finally:
            os.chdir(here)
        return "exit 0"

    def query(self) -> str:
        words = ["SELECT", "FROM", "crossings", "failures", "*", "(", ")", "'", '"', ";", "--", "WITH x AS", "DELETE", "INSERT INTO spans", "ATTACH", "COPY", "count(*)", "$a", "WHERE", "1=1", "read_csv('/etc/passwd')", "EXPLAIN ANALYZE", "PRAGMA", "SET", "UNION ALL", "VALUES (1)", "range(10)", "/*"]  # fmt: skip
        text = " ".join(self.random.choice(words) for _ in range(self.random.randrange(1, 9)))
        self.content = text
        crossings = self.history.sql("SELECT count(*) AS n FROM crossings").item()
        try:
            self.history.where(channel="http").sql(text)
        finally:
            if self.history.sql("SELECT count(*) AS n FROM crossings").item() != crossings:
                self.finding("query", "a query wrote")
        return "answered"

    def figures(self) -> dict[str, Any]:
        return {
            "inputs": sum(self.inputs.values()),
            "by_target": {
                name: {
                    "inputs": n,
                    "slowest_cpu_s": round(self.slowest_s[name], 3),
                    "ends": dict(self.ends[name].most_common()),
                }
                for name, n in self.inputs.most_common()
            },
            "records": dict(self.records),
            "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "findings": self.found,
        }


def _stop(*_: Any) -> None:
    raise TooSlowError(f"more than {PATIENCE_S} s of CPU")


def corpus(folder: Path | None) -> list[bytes]:
    """Read the files to begin with: those of a folder, and those of the generator."""
    with tempfile.TemporaryDirectory() as made:
        ha.samples.write(made, orders=3, until="2026-01-20", templates=True)
        paths = [*sorted(Path(made).iterdir()), *(sorted(folder.iterdir()) if folder is not None else [])]
        return [path.read_bytes() for path in paths if path.is_file() and path.stat().st_size]


def main() -> None:
    """Run a campaign, print its figures, and exit with 1 if anything was found."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--inputs", type=int, default=10_000)
    asked.add_argument("--seconds", type=float, default=1e9)
    asked.add_argument("--seed", type=int, default=20260101)
    asked.add_argument("--corpus", type=Path)
    asked.add_argument("--out", type=Path, required=True)
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(corpus(given.corpus), seed=given.seed, folder=given.out.resolve())
    started = time.process_time()
    campaign.run(given.inputs, seconds=given.seconds)
    figures = campaign.figures() | {"seed": given.seed, "cpu_s": round(time.process_time() - started, 1)}
    (given.out / "figures.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps({**figures, "findings": {key: entry["times"] for key, entry in campaign.found.items()}}, indent=1))
    sys.exit(1 if campaign.found else 0)


if __name__ == "__main__":
    main()
