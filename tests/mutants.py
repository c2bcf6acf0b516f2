"""Do the tests see it? Change one small thing in the code, and look whether one of them fails.

    python tests/mutants.py [--only PATH] [--number N] [--jobs J] [--seed S] [--quick]

A *mutant* is the package with one piece of its source text replaced: a comparison moved by one or
turned round, ``and`` for ``or``, a number one larger, a statement left out, a result or an argument
None ... (Not touched: texts, types, decorators, asserts.) In a copy of the checkout the tests named
in ``TESTS`` run against it, the quickest first, and against what survives them all of
``tests/unit`` (``--quick`` leaves that out). A mutant is *caught* if a test fails, or takes four
times as long as it should, or wants more than 4 GB.

One that survives is a line that no test needs: write the test, or delete the line. Where the
program does the same in spite of the change, the mutant is *equivalent*: with its reason it goes
into ``mutants-equivalent.txt``, and is counted by itself.

Which mutants are tried depends on the seed and on their lines, not on where those stand, so an edit
changes little elsewhere. Each file gets its share. Exit code 1 if one survived that is not known.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("mutants-equivalent.txt")
MEMORY = 4 << 30
PYTEST = "-m pytest -x -q --import-mode=importlib -o addopts= -p no:cacheprovider".split()
PYTEST += ["-p", "no:looptime_plugin", "-p", "no:nbval", "-m", "not slow"]

#: For each part of the package its tests, the quickest first; ``*`` stands for any letters.
TESTS = {
    "lessonkit/clock": "clock strangers run determinism",
    "lessonkit/shop": "shop audit faults between_runs",
    "lessonkit/faults.py": "faults shop",
    "lessonkit/luck.py": "shop faults orders",
    "lessonkit/explorer": "explore orders",
    "lessonkit/runner.py": "run strangers clock between_runs",
    "lessonkit/patterns/backoff.py": "backoff polling relay",
    "lessonkit/patterns/brokers": "brokers_*",
    "lessonkit/patterns/bus": "bus between_runs strangers bus_view",
    "lessonkit/patterns/database.py": "outbox inbox unusable_databases eventstore",
    "lessonkit/patterns/events": "events comes_back_equal between_runs",
    "lessonkit/patterns/eventstore": "projections eventstore unusable_databases",
    "lessonkit/patterns/outbox": "outbox inbox relay unusable_databases outbox_explored",
    "lessonkit/patterns/polling.py": "polling strangers",
    "lessonkit/patterns/saga": "saga strangers saga_faults unusable_databases",
}

Swap = dict[str, str]
BOUNDARY: Swap = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
NEGATION: Swap = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "=="}
NEGATION |= {"is": "is not", "is not": "is", "in": "not in", "not in": "in"}
ARITHMETIC: Swap = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*"}
BOOLEAN: Swap = {"and": "or", "or": "and"}
OPERATOR = re.compile(r"is not|not in|\b(?:is|in|and|or)\b|[<>=!+*/%|-]+")
Piece = tuple[int, int, str]


class Mutant(NamedTuple):
    """``old`` and ``new`` are the lines that differ, in one, without the blanks around them."""

    file: str
    line: int
    old: str
    new: str
    source: str


def pieces(source: bytes) -> Iterator[Piece]:
    """What can be replaced: from where to where, and by what."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        last = starts[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]
        return first, last

    def instead(node: ast.AST, new: str) -> Piece:  # ``{}`` in the new text is the old one
        return *span(node), new.replace("{}", source[slice(*span(node))].decode())

    def swap(left: ast.AST, right: ast.AST, table: Swap) -> Iterator[Piece]:
        start, end = span(left)[1], span(right)[0]
        found = OPERATOR.search(source[start:end].decode())
        if found and found.group() in table:
            yield start + found.start(), start + found.end(), table[found.group()]

    def of(node: ast.AST) -> Iterator[Piece]:
        match node:
            case ast.Compare():
                for left, right in pairwise([node.left, *node.comparators]):
                    yield from (*swap(left, right, BOUNDARY), *swap(left, right, NEGATION))
            case ast.BoolOp():
                for left, right in pairwise(node.values):
                    yield from swap(left, right, BOOLEAN)
            case ast.BinOp():
                yield from swap(node.left, node.right, ARITHMETIC)
            case ast.AugAssign():
                assigning = {f"{old}=": f"{new}=" for old, new in ARITHMETIC.items()}
                yield from swap(node.target, node.value, assigning)
            case ast.UnaryOp(op=ast.Not()):
                yield instead(node.operand, "(not {})")  # "not (not x)": only its truth is left
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                yield instead(test, "(not ({}))")
            case ast.Constant(value=bool(value)):
                yield instead(node, str(not value))
            case ast.Constant(value=int(value) | float(value)):
                yield from (instead(node, f"({value + 1})"), instead(node, f"({value - 1})"))
            case ast.Return(value=ast.expr()):
                yield instead(node, "return None")
            case ast.Break():
                yield instead(node, "continue")
            case ast.Continue():
                yield instead(node, "break")
            case ast.ExceptHandler(type=ast.expr()):
                yield instead(node.type, "BaseException")
            case ast.Call():
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    if not isinstance(argument, ast.Starred):
                        yield instead(argument, "None")
        match node:
            case (
                ast.Raise()
                | ast.Delete()
                | ast.AugAssign()
                | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
                | ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom())
            ):
                yield instead(node, "pass")

    def walk(node: ast.AST) -> Iterator[Piece]:
        if isinstance(node, ast.JoinedStr | ast.Assert):
            return
        yield from of(node)
        for field, value in ast.iter_fields(node):
            if field not in ("decorator_list", "annotation", "returns"):
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, ast.AST):
                        yield from walk(child)

    yield from walk(ast.parse(source))


def mutants(path: Path) -> list[Mutant]:
    """All mutants of a file that are still programs, and other ones."""
    source, found = path.read_bytes(), {}
    for start, end, new in pieces(source):
        changed = source[:start] + new.encode() + source[end:]
        first = source.rfind(b"\n", 0, start) + 1
        last = source.find(b"\n", end)
        lines = source[first:last], changed[first : last + len(changed) - len(source)]
        old, new = (" ".join(text.decode().split()) for text in lines)
        try:
            if ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)):
                line = source.count(b"\n", 0, start) + 1
                name = path.relative_to(ROOT).as_posix()
                found[changed] = Mutant(name, line, old, new, changed.decode())
        except SyntaxError:  # a generator as the only argument has no brackets of its own
            continue
    return list(found.values())


def sample(files: list[Path], number: int, seed: int) -> list[Mutant]:
    """So many mutants, of each file its share."""
    every = {path: mutants(path) for path in files}
    total = sum(map(len, every.values()))
    chosen = []
    for of_file in every.values():
        lot = {one: random.Random(f"{seed} {one.old} {one.new}").random() for one in of_file}
        share = -(-number * len(of_file) // total)  # rounded up
        chosen += sorted(sorted(of_file, key=lambda one: lot[one])[:share], key=lambda m: m.line)
    return chosen


def known() -> dict[tuple[str, str, str], str]:
    """The equivalent mutants and the reason for each: by file, old line and new line."""
    blocks = EQUIVALENT.read_text(encoding="utf-8").split("\n\n")[1:]  # the first says what it is
    rows = [block.strip().split("\n", 3) for block in blocks if block.strip()]
    return {(file, old[2:], new[2:]): why for file, old, new, why in rows}


class Tester:
    """A copy of the checkout in which the mutants run, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = ["git", "ls-files", "-co", "--exclude-standard"]
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, folder / name)
        self.environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONHASHSEED": "0"}
        # Compiled files told by their contents: by its second, a mutant may pass for the one before.
        by_contents = "-m compileall -q --invalidation-mode checked-hash lessonkit".split()
        subprocess.run([sys.executable, *by_contents], cwd=folder, check=True)
        self.clean = cache(self._clean)

    def tests(self, file: str, everything: bool) -> tuple[str, ...]:
        if everything:
            return ("tests/unit",)
        (words,) = (words for part, words in TESTS.items() if f"{file}/".startswith(f"{part}/"))
        unit = self.folder / "tests" / "unit"
        found = [path for word in words.split() for path in sorted(unit.glob(f"test_{word}.py"))]
        return tuple(dict.fromkeys(str(path.relative_to(self.folder)) for path in found))

    def passes(self, tests: tuple[str, ...], seconds: float) -> bool | None:
        """Whether the tests pass; None if they do not end in time."""
        command = [sys.executable, *PYTEST, *tests]
        limit = (resource.RLIMIT_AS, (MEMORY, MEMORY))
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: resource.setrlimit(*limit),
        ) as process:
            try:
                return process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                return None
            finally:
                try:  # its children, too
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _clean(self, tests: tuple[str, ...]) -> float:
        started = time.perf_counter()
        if not self.passes(tests, 3600):
            sys.exit(f"these fail without any change: {' '.join(tests)}")
        return time.perf_counter() - started

    def verdict(self, mutant: Mutant, quick: bool) -> str:
        path = self.folder / mutant.file
        before = path.read_bytes()
        for everything in (False, True)[: 1 if quick else 2]:
            tests = self.tests(mutant.file, everything)
            seconds = 10 + 4 * self.clean(tests)
            path.write_text(mutant.source, encoding="utf-8")
            try:
                passed = self.passes(tests, seconds)
            finally:
                path.write_bytes(before)
            if not passed:
                return "hangs" if passed is None else "caught"
        return "survived"


def package_of(file: str) -> str:
    """The row of the table that a file is counted in."""
    parts = file.split("/")
    return "/".join(parts[1:3] if parts[1] == "patterns" else parts[1:2]).removesuffix(".py")


def main() -> int:
    """Try them and print what came of it."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--only", action="append", help="a file or folder; may be given again")
    asked.add_argument("--number", type=int, default=600, help="how many mutants")
    asked.add_argument("--jobs", type=int, default=1, help="how many at once")
    asked.add_argument("--seed", type=int, default=0, help="which ones")
    asked.add_argument("--quick", action="store_true", help="only the tests nearest to each file")
    options = asked.parse_args()

    files: list[Path] = []
    for part in options.only or TESTS:
        path = (ROOT / part).resolve()
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    reasons, chosen = known(), sample(files, options.number, options.seed)
    counts: dict[str, Counter[str]] = {package_of(mutant.file): Counter() for mutant in chosen}
    testers: SimpleQueue[Tester] = SimpleQueue()

    def try_one(mutant: Mutant) -> str:
        tester = testers.get()
        try:
            # What is known to make no difference need not run for minutes; if a test fails, it does.
            is_known = (mutant.file, mutant.old, mutant.new) in reasons
            found = tester.verdict(mutant, options.quick or is_known)
            return "equivalent" if is_known and found == "survived" else found
        finally:
            testers.put(tester)

    with (
        tempfile.TemporaryDirectory() as folder,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        for number in range(options.jobs):
            testers.put(Tester(Path(folder, str(number))))
        for mutant, found in zip(chosen, pool.map(try_one, chosen), strict=True):
            counts[package_of(mutant.file)][found] += 1
            if found == "survived":
                print(f"{mutant.file}:{mutant.line}\n- {mutant.old}\n+ {mutant.new}\n", flush=True)

    print(f"{'':22} mutants  caught  (hang)  equivalent  survived")
    counts["all"] = sum(counts.values(), Counter())
    for name, of in counts.items():
        hang, same, survived = of["hangs"], of["equivalent"], of["survived"]
        caught, wrong = of["caught"] + hang, of.total() - same
        share = f"{100 * caught / wrong:5.1f} %" if wrong else ""
        row = f"{name:22} {of.total():7} {caught:7} {hang:7} {same:11} {survived:9} {share}"
        print(row)
    return 1 if counts["all"]["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
