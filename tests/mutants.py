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
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
EQUIVALENT = Path(__file__).with_name("mutants-equivalent.txt")
MEMORY = 4 << 30
PYTEST = shlex.split(
    "-m pytest -x -q --import-mode=importlib -o addopts= -m 'not slow' -p no:cacheprovider"
)
# Compiled files are told by their contents: by its second, a mutant may pass for the one before it.
COMPILE = shlex.split("-m compileall -q --invalidation-mode checked-hash lessonkit")

#: For each part of the package its tests, the quickest first; ``*`` stands for any letters.
TESTS = {
    "lessonkit/clock": "clock strangers run determinism saga",
    "lessonkit/shop": "shop audit faults between_runs explore",
    "lessonkit/faults.py": "faults shop",
    "lessonkit/jsonable.py": "comes_back_equal events projections",
    "lessonkit/luck.py": "shop faults orders explore",
    "lessonkit/explorer": "explore orders",
    "lessonkit/runner.py": "run strangers clock between_runs",
    "lessonkit/database": "database_interface outbox inbox unusable_databases eventstore",
    "lessonkit/patterns/backoff.py": "backoff polling relay",
    "lessonkit/patterns/brokers": "brokers_*",
    "lessonkit/patterns/bus": "bus between_runs strangers bus_view explore orders",
    "lessonkit/patterns/events": "events comes_back_equal between_runs eventstore",
    "lessonkit/patterns/eventstore": "projections eventstore unusable_databases",
    "lessonkit/patterns/outbox": "database_interface outbox inbox relay outbox_explored",
    "lessonkit/patterns/polling.py": "polling strangers",
    "lessonkit/patterns/saga": "saga strangers comes_back_equal saga_faults unusable_databases",
}

#: What may stand for each operator, as in "<" for "<=".
OPERATORS = {"<": "<= >=", "<=": "< >", ">": ">= <=", ">=": "> <", "==": "!=", "!=": "=="}
OPERATORS |= {"+": "-", "-": "+", "*": "/", "/": "*", "//": "*", "%": "*", "**": "*"}
OPERATORS |= {"+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "and": "or", "or": "and"}
OPERATORS |= {"is": "is_not", "is not": "is", "in": "not_in", "not in": "in"}
OPERATOR = re.compile(r"is not|not in|\b(?:is|in|and|or)\b|[<>=!+*/%|-]+")
Piece = tuple[int, int, str]


def pieces(source: bytes) -> Iterator[Piece]:
    """What can be replaced: from where to where, and by what."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def span(node: ast.AST) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset
        return first, starts[node.end_lineno - 1] + node.end_col_offset

    def instead(node: ast.AST, new: str) -> Piece:  # ``{}`` in the new text is the old one
        return *span(node), new.replace("{}", source[slice(*span(node))].decode())

    def swapped(operands: list[ast.expr]) -> Iterator[Piece]:
        for left, right in pairwise(operands):
            start, end = span(left)[1], span(right)[0]
            if found := OPERATOR.search(source[start:end].decode()):
                for new in OPERATORS.get(found.group(), "").split():
                    yield start + found.start(), start + found.end(), new.replace("_", " ")

    def of(node: ast.AST) -> Iterator[Piece]:
        match node:
            case ast.Compare(left=left, comparators=others):
                yield from swapped([left, *others])
            case ast.BoolOp(values=operands):
                yield from swapped(operands)
            case ast.BinOp(left=left, right=right):
                yield from swapped([left, right])
            case ast.AugAssign(target=left, value=right):
                yield from (*swapped([left, right]), instead(node, "pass"))
            case ast.UnaryOp(op=ast.Not(), operand=truth):
                yield instead(truth, "(not {})")  # "not (not x)"
            case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                if not isinstance(test, ast.Compare | ast.UnaryOp):  # those have turns of their own
                    yield instead(test, "(not ({}))")
            case ast.Constant(value=bool(value)):
                yield instead(node, str(not value))
            case ast.Constant(value=int(value) | float(value)):
                yield from (instead(node, f"({value + 1})"), instead(node, f"({value - 1})"))
            case ast.Return(value=ast.expr() as result) if not isinstance(result, ast.Constant):
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
            case (
                ast.Raise() | ast.Delete() | ast.Assign(targets=[ast.Attribute() | ast.Subscript()])
            ):
                yield instead(node, "pass")
            case ast.Expr(value=ast.Call() | ast.Await() | ast.Yield() | ast.YieldFrom()):
                yield instead(node, "pass")

    def walk(node: ast.AST) -> Iterator[Piece]:
        yield from of(node)
        untouched = [*getattr(node, "decorator_list", ()), getattr(node, "returns", None)]
        untouched += [getattr(node, "annotation", None)]
        for child in ast.iter_child_nodes(node):
            if child not in untouched and not isinstance(child, ast.JoinedStr | ast.Assert):
                yield from walk(child)

    yield from walk(ast.parse(source))


class Mutant(NamedTuple):
    """``old`` and ``new`` are the lines that differ, in one, without the blanks around them."""

    part: str
    file: str
    line: int
    old: str
    new: str
    source: bytes


def mutants(path: Path) -> Iterator[Mutant]:
    """Every way to replace one piece of a file."""
    source, name = path.read_bytes(), path.relative_to(ROOT).as_posix()
    part = next((part for part in TESTS if f"{name}/".startswith(f"{part}/")), "")
    for start, end, new in dict.fromkeys(pieces(source)):
        changed = source[:start] + new.encode() + source[end:]
        first, last = source.rfind(b"\n", 0, start) + 1, source.find(b"\n", end)
        both = source[first:last], changed[first : last - len(source)]
        lines = (" ".join(text.decode().split()) for text in both)
        yield Mutant(part, name, source.count(b"\n", 0, start) + 1, *lines, changed)


def is_another_program(mutant: Mutant) -> bool:
    """Whether it is a program, and not the one that it was before (as with one more bracket)."""
    with suppress(SyntaxError):  # a generator as the only argument has no brackets of its own
        before = ast.parse((ROOT / mutant.file).read_bytes())
        return ast.dump(ast.parse(mutant.source)) != ast.dump(before)
    return False


def sample(files: list[Path], number: int, seed: int) -> list[Mutant]:
    """So many mutants, of each file its share."""
    every = [list(mutants(path)) for path in files]
    chosen = []
    for of_file in every:
        share = -(-number * len(of_file) // sum(map(len, every)))  # rounded up
        lots = [(random.Random(f"{seed} {one.old} {one.new}").random(), one) for one in of_file]
        good = (one for _lot, one in sorted(lots) if is_another_program(one))
        chosen += sorted(islice(good, share), key=lambda one: one.line)
    return chosen


def known() -> set[tuple[str, str, str]]:
    """The equivalent mutants: file, old line and new line of each. The reason is for readers."""
    found = re.findall(
        r"^(\S+\.py)\n- (.*)\n\+ (.*)\n", EQUIVALENT.read_text("utf-8"), re.MULTILINE
    )
    return set(found)


class Tester:
    """A copy of the checkout in which mutants run, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = os.environ | {"PYTHONPATH": str(folder), "PYTHONHASHSEED": "0"}
        self.environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # half of the time
        self.seconds = cache(self._seconds)
        hidden = shutil.ignore_patterns(".git", ".venv", ".*cache", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=hidden)
        subprocess.run([sys.executable, *COMPILE], cwd=folder, check=True)

    def try_out(self, mutant: Mutant, quick: bool) -> str:
        """What becomes of it: "caught", "hangs" or "survived"."""
        unit, words = self.folder / "tests/unit", TESTS[mutant.part].split()
        near = [str(path) for word in words for path in sorted(unit.glob(f"test_{word}.py"))]
        # One file after the other: so a mutant that hangs is given up soon.
        path = self.folder / mutant.file
        for tests in near if quick else [*near, "tests/unit"]:
            seconds = 5 + 4 * self.seconds(tests)
            original = path.read_bytes()
            path.write_bytes(mutant.source)
            try:
                code = self._run(tests, seconds)
            finally:
                path.write_bytes(original)
            if code != 0:
                return "hangs" if code is None else "caught"
        return "survived"

    def _seconds(self, tests: str) -> float:
        started = time.perf_counter()
        if self._run(tests, 3600) != 0:
            sys.exit(f"these fail without any change: {tests}")
        return time.perf_counter() - started

    def _run(self, tests: str, seconds: float) -> int | None:
        process = subprocess.Popen(
            [sys.executable, *PYTEST, tests],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_as_a_program_of_its_own,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children, too
            process.wait()


def _as_a_program_of_its_own() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a shell's background jobs ignore


def main() -> int:
    """Try them, and print what has come of it."""
    asked = argparse.ArgumentParser(description="Change one thing in the code: does a test fail?")
    asked.add_argument("--only", action="append", help="a file or folder; may be given again")
    asked.add_argument("--number", type=int, default=600, help="how many mutants")
    asked.add_argument("--jobs", type=int, default=1, help="how many at once")
    asked.add_argument("--seed", type=int, default=0, help="which ones")
    asked.add_argument("--quick", action="store_true", help="only the tests nearest to each file")
    options = asked.parse_args()

    parts = [(ROOT / part).resolve() for part in options.only or TESTS]
    files = [file for part in parts for file in (sorted(part.rglob("*.py")) or [part])]
    chosen, equivalent = sample(files, options.number, options.seed), known()
    counts = {mutant.part: Counter[str]() for mutant in chosen}
    testers = SimpleQueue[Tester]()

    def try_out(mutant: Mutant) -> str:
        tester, is_known = testers.get(), (mutant.file, mutant.old, mutant.new) in equivalent
        try:
            found = tester.try_out(mutant, options.quick or is_known)
        finally:
            testers.put(tester)
        return "equivalent" if is_known and found == "survived" else found

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        for number in range(options.jobs):
            testers.put(Tester(Path(folder, str(number))))
        for mutant, found in zip(chosen, pool.map(try_out, chosen), strict=True):
            counts[mutant.part][found] += 1
            print(sum(map(Counter.total, counts.values())), end="\r", file=sys.stderr, flush=True)
            if found == "survived":
                print(f"{mutant.file}:{mutant.line}\n- {mutant.old}\n+ {mutant.new}\n", flush=True)

    counts["all"] = sum(counts.values(), Counter())
    print(f"{'':28}  mutants  caught (hanging)  equivalent  survived  caught of the others")
    for row, of in counts.items():
        caught, others = of["caught"] + of["hangs"], of.total() - of["equivalent"]
        share = 100 * caught / max(1, others)
        figures = f"{of.total():7}  {caught:6} ({of['hangs']:7})  {of['equivalent']:10}"
        print(f"{row:28}  {figures}  {of['survived']:8}  {share:18.1f} %")
    return 1 if counts["all"]["survived"] else 0


if __name__ == "__main__":
    sys.exit(main())
