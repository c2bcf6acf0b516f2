"""Code that misbehaves gets a clear answer, the right one, and the kernel stays as it was."""

from __future__ import annotations

import asyncio
import builtins
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from textwrap import indent

import ipywidgets
import pytest

from lessonkit import Shop
from lessonkit.exercises import guard, limits
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.guard import OutOfTime, guarded
from lessonkit.exercises.limits import Counted, Timed
from lessonkit.exercises.result import Counterexample, Result, Verdict
from lessonkit.exercises.shopfront import ShopFront
from lessonkit.exercises.trial import run_briefly
from lessonkit.messages import language
from tests.exercises.answers import attempt

CAN_COUNT = hasattr(sys, "monitoring")


@pytest.fixture(autouse=True, scope="module")
def _nothing_of_pytest_is_garbage() -> Iterator[None]:
    # Or each collection would look at all of it again.
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def ignored(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What was raised where Python ignores it, as in a destructor; it does not reach pytest."""
    found: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: found.append(what.exc_type))
    return found


def judge(work: object) -> Counterexample | None:
    shop = Shop()
    front = ShopFront(shop, {"inventory": shop.inventory, "payment": shop.payment})
    did = run_briefly(work(front)).result  # type: ignore[operator]
    return None if did else Counterexample("It did nothing.", "It must do something.")


small = Exercise(
    name="small",
    notebook="00-start",
    module=__name__,
    point=1,
    title="Something small",
    shown="It works.",
    starter="async def work(shop):\n    return False",
    asks=("work",),
    judge=judge,
    answer="async def work(shop):\n    return True",
)


def trying(body: str, before: str = "") -> Result:
    """What comes of handing in a function with this body."""
    before = f"from lessonkit import an_order\n{before}"
    code = f"{before}\nasync def work(shop):\n{indent(body, '    ')}\n"
    return attempt(small, code, ["setup"])


@pytest.fixture
def _a_short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the limit itself is, one test tries. The others need not wait for it.
    monkeypatch.setattr(guard, "MOST_SECONDS", 0.3)


@pytest.fixture(params=["timed", "counted"])
def _each_limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to limit work; Python 3.11 cannot count, and says so in a test of its own."""
    counted = request.param == "counted" and CAN_COUNT
    make = (lambda: Counted(50_000)) if counted else (lambda: Timed(0.1))
    monkeypatch.setattr(guard, "usual_limit", make)


# --- what never ends -----------------------------------------------------------------------------


def test_a_check_ends_within_two_seconds() -> None:
    busy = time.process_time()
    result = trying("while True: pass")
    # Two seconds on a machine of one's own; on a busy one, processors are slow as well.
    assert time.process_time() - busy < 10
    assert "after 3 seconds of work" in result.sentence


NEVER_ENDS = [
    "while True: pass",
    "while True: len(str(shop))",
    "while True: print('hello, hello')",
    "while True: await asyncio.sleep(1)",
    "[x for x in iter(int, 1)]",
    *(
        f"while True:\n  try: sum(range(100))\n  except{caught}: pass"
        for caught in ("", " BaseException", " KeyboardInterrupt")
    ),
    "while True:\n  try: await asyncio.sleep(1)\n  except BaseException: pass",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "while True:\n  try: [x for x in iter(int, 1)]\n  except BaseException: pass",
    "while True:\n"
    "  try:\n"
    "    while True:\n"
    "      try:\n"
    "        while True: len('abc')\n"
    "      except BaseException: pass\n"
    "  except BaseException: continue",
    "while True:\n  try: pass\n  finally: continue",
    "while True:\n  try:\n    while True: pass\n  finally: continue",
    "try:\n  while True: pass\nexcept BaseException: raise ValueError('mine') from None",
    "try:\n  while True: pass\nexcept BaseException: return True",
    "try: signal.signal(signal.SIGINT, signal.SIG_IGN)\nexcept Exception: pass\nwhile True: pass",
]


@pytest.mark.parametrize("body", NEVER_ENDS)
@pytest.mark.usefixtures("_each_limit")
@pytest.mark.filterwarnings("ignore:'continue' in a 'finally' block:SyntaxWarning")
def test_what_never_ends_is_ended(body: str) -> None:
    before = (signal.getsignal(signal.SIGINT), gc.isenabled(), threading.active_count())
    busy = time.process_time()
    result = trying(body, "import signal")
    assert time.process_time() - busy < 8
    assert (signal.getsignal(signal.SIGINT), gc.isenabled(), threading.active_count()) == before
    assert result.verdict is Verdict.ERROR
    assert "a loop that never ends" in result.sentence


@pytest.mark.parametrize("body", ["re.match('(a+)+$', 'a' * 40 + 'b')", "10 ** 10 ** 9"])
@pytest.mark.usefixtures("_a_short_limit")
def test_a_loop_in_c_that_listens_to_signals_is_ended(body: str) -> None:
    before = state()
    for swallowing in (body, f"while True:\n  try: {body}\n  except BaseException: pass"):
        assert "a loop that never ends" in trying(swallowing, "import re").sentence
        assert state() == before


@pytest.mark.parametrize("caught", ["Exception", "BaseException"])
@pytest.mark.usefixtures("_a_short_limit")
def test_code_that_waits_in_real_time_is_not_told_of_a_loop(caught: str) -> None:
    wait = "threading.Event().wait(60)"
    for body in (wait, f"while True:\n  try: {wait}\n  except {caught}: pass"):
        result = trying(body, "import threading")
        assert result.verdict is Verdict.ERROR
        assert "for 0.3 seconds, your code did nothing but wait, in real time" in result.sentence
        assert "loop" not in result.sentence


def test_a_right_answer_may_take_its_time_where_steps_are_counted() -> None:
    if not CAN_COUNT:
        with pytest.raises(RuntimeError, match=r"counting .* needs Python 3\.12"):
            Counted(1)
        return

    def loop(times: int) -> None:
        for _ in range(times):
            pass

    with guarded(limit=Counted(1_000)):
        loop(900)
    with pytest.raises(OutOfTime), guarded(limit=Counted(1_000)):
        loop(1_100)

    def swallow() -> None:
        try:
            loop(1_100)
        except OutOfTime:
            return

    with pytest.raises(OutOfTime), guarded(limit=Counted(1_000)):
        swallow()
    assert all(sys.monitoring.get_tool(number) is None for number in (2, 3, 4))


def test_only_the_learners_steps_count_and_only_in_this_thread() -> None:
    if not CAN_COUNT:
        assert type(guard.usual_limit()) is Timed
        return
    begun = threading.Event()
    thread = threading.Thread(target=lambda: [str(n) for n in range(5_000) if begun.wait()])
    thread.start()
    with guarded(limit=Counted(100)):
        run_briefly(Shop().place_order(lambda _command: None))  # type: ignore[arg-type, return-value]
        begun.set()
        thread.join()


def test_a_browser_counts_and_everybody_else_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    assert type(guard.usual_limit()) is Timed
    monkeypatch.setattr(sys, "platform", "emscripten")
    if CAN_COUNT:
        assert type(guard.usual_limit()) is Counted
    else:
        with pytest.raises(RuntimeError, match=r"needs Python 3\.12"):
            guard.usual_limit()


C_CODE = """
import itertools
from lessonkit.exercises import limits
from lessonkit.exercises.guard import guarded
limits.LAST_SECONDS = 0.5
with guarded():
    pass
with guarded():
    sum(itertools.count())
"""


def test_c_code_that_never_returns_ends_the_process() -> None:
    # In a kernel's case JupyterLab starts the next one.
    ended = subprocess.run([sys.executable, "-c", C_CODE], timeout=120, check=False)
    assert ended.returncode == -signal.SIGPROF


# --- what stops the whole program ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("time.sleep(5)", "await asyncio.sleep(5)"),
        ("nap(5)", "await asyncio.sleep(5)"),
        ("input('? ')", "a check asks nobody"),
        ("os.system('true')", "os.system('true') starts another program"),
        ("os.popen('true')", "subprocess starts another program"),
        ("subprocess.run(['true'])", "subprocess starts another program"),
        ("Popen('true')", "subprocess starts another program ('true')"),
        ("os.fork()", "a second kernel"),
        ("os.forkpty()", "a second kernel"),
        ("threading.Thread(target=print).start()", "a thread goes on in real time"),
        ("threading.Timer(9, print).start()", "a thread goes on in real time"),
        ("ThreadPoolExecutor().submit(print)", "a thread goes on in real time"),
        ("_thread.start_new_thread(print, ())", "a thread goes on in real time"),
        ("multiprocessing.Process(target=print).start()", "multiprocessing starts other programs"),
        ("multiprocessing.Pool(2)", "multiprocessing starts other programs"),
        ("signal.sigwait([signal.SIGUSR1])", "nobody can wake it"),
        ("os.close(0)", "os.close(...) ends the kernel, or changes what it does"),
        ("resource.setrlimit(resource.RLIMIT_AS, (1, 1))", "or changes what it does"),
        ("asyncio.set_event_loop_policy(None)", "or changes what it does"),
        ("signal.signal(2, signal.SIG_IGN)", "changes what Ctrl-C does"),
        ("os._exit(0)", "os._exit(...) ends the kernel"),
        ("os.kill(os.getpid(), 9)", "os.kill(...) ends the kernel"),
        ("os.execl('/bin/true', 'true')", "os.execv(...) ends the kernel"),
        ("signal.alarm(1)", "signal.alarm(...) ends the kernel"),
        ("sys.settrace(print)", "sys.settrace(...) ends the kernel, or changes what it does"),
        ("bytearray(2_000_000_000)", "MemoryError"),
        ("await asyncio.get_running_loop().create_future()", "deadlock"),
        ("await asyncio.Event().wait()", "deadlock"),
        ("raise KeyError('oh')", "KeyError: 'oh'"),
        ("raise SystemExit", "SystemExit"),
        ("raise asyncio.CancelledError", "CancelledError"),
        ("asyncio.run(asyncio.sleep(1))", "running"),
        ("shop.paymnt", "shop.paymnt: a program of this shop has no such thing"),
        ("await asyncio.to_thread(print)", "virtual time has no run_in_executor"),
        ("return work(shop)", ""),
    ],
)
def test_misbehaving_code_gets_an_answer(body: str, says: str) -> None:
    imports = "import multiprocessing, os, resource, signal, subprocess, sys\n"
    imports += "import threading, time, _thread\n"
    imports += "from concurrent.futures import ThreadPoolExecutor\nfrom subprocess import Popen\n"
    result = trying(body, f"{imports}from time import sleep as nap\n")
    assert result.verdict in (Verdict.ERROR, Verdict.NOT_YET, Verdict.SOLVED)
    assert says in result.sentence + result.trouble
    if "bytearray" in body:
        assert "more memory than a check may take" in result.sentence


def test_a_list_that_eats_all_memory_is_told_so() -> None:
    result = trying("kept = []\nwhile True: kept.append(bytearray(100_000_000))")
    assert "more memory than a check may take" in result.sentence
    language("ja")
    try:
        assert "メモリ" in trying("return bytearray(2_000_000_000)").sentence
        assert "input()" in trying("input()").trouble
        assert "input() waits" not in trying("input()").trouble
    finally:
        language("en")


def state() -> tuple[object, ...]:
    """All that a check changes while it runs."""
    memory = None
    if sys.platform != "win32":
        import resource

        memory = resource.getrlimit(resource.RLIMIT_AS)
    return (
        [getattr(owner, name, None) for owner, name, _why in guard.REFUSED],
        nap,
        [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGPROF, signal.SIGVTALRM)],
        [signal.getitimer(clock) for clock in (signal.ITIMER_PROF, signal.ITIMER_VIRTUAL)],
        threading.active_count(),
        memory,
        (sys.stdout, sys.stderr, warnings.showwarning, list(warnings.filters)),
        sys.get_coroutine_origin_tracking_depth(),
        gc.isenabled(),
    )


nap = time.sleep


def test_the_guard_leaves_everything_as_it_was() -> None:
    before = state()
    with guarded([globals()]):
        assert nap is not before[1]
        assert state()[0] != before[0]
        gc.disable()
    gc.enable()
    assert state() == before


@pytest.mark.parametrize(
    "replacing",
    [
        "builtins.print = builtins.open = None",
        "builtins.len = builtins.isinstance = lambda *_: 0",
        "del builtins.sorted",
        "time.monotonic = asyncio.sleep = None",
        "sys.stdout = sys.stdin = sys.excepthook = None",
        "sys.path.clear()",
        "sys.path = []",
        "sys.modules.clear()",
        "os.environ['HOME'] = os.environ.pop('PATH')",
        "os.environ.clear()",
        "random.seed(1)",
        "random.random = lambda: 4",
        "gc.disable()",
        "warnings.simplefilter('error')",
    ],
)
@pytest.mark.usefixtures("_a_short_limit")
def test_what_was_replaced_is_put_back(replacing: str) -> None:
    def names() -> tuple[object, ...]:
        modules = (builtins, sys, time, asyncio, random)
        seen = [dict(vars(one)) for one in modules]
        seen[0].pop("_", None)
        return (seen, list(sys.path), dict(os.environ), random.getstate(), gc.isenabled())

    before, modules = (state(), names()), dict(sys.modules)
    modules.pop(small.notebook, None)  # made anew for each answer
    imports = "import asyncio, builtins, gc, os, random, sys, time, warnings"
    trying(f"{replacing}\nreturn True", imports)
    assert (state(), names()) == before
    assert modules.items() <= sys.modules.items()
    assert trying("print(len('abc'))\nreturn True").printed == "3\n"


async def busy_for_a_moment(_shop: Shop) -> bool:
    began = time.monotonic()
    while time.monotonic() - began < 0.002:
        pass
    return True


@pytest.fixture
def small_heap() -> Iterator[None]:
    """The collector leaves alone what other tests have made, so that its work takes a moment."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def listening() -> Iterator[None]:
    """Ctrl-C is heard, as in a kernel: whoever has started pytest may have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before or signal.default_int_handler)


@pytest.mark.usefixtures("small_heap", "listening")
def test_ctrl_c_leaves_everything_as_it_was_whenever_it_comes(
    ignored: list[type[BaseException]],
) -> None:
    main = threading.main_thread().ident or 0
    before, lost = state(), 0
    for number in range(100):
        delay = 0.0002 * number  # from the first step of a check to after its last
        press = threading.Timer(delay, lambda: signal.pthread_kill(main, signal.SIGINT))
        came: KeyboardInterrupt | None = None
        ignored.clear()
        try:
            press.start()
            small.evaluate(busy_for_a_moment)
            threading.Event().wait(2)
        except KeyboardInterrupt as error:
            came = error
        press.join()
        if came is None:
            lost += 1
            assert KeyboardInterrupt in ignored, number
        assert not isinstance(came, OutOfTime)
        assert state() == before
    # A few may come while Python runs a destructor, a weak reference's callback or one of the
    # collector (hypothesis has one, and beside other work more come there): then Python ignores
    # them, and says so. The check itself loses none: of 4,000 that came to a process without
    # pytest, while nine others wanted the two processors, not one was lost.
    assert lost <= 10


@pytest.mark.usefixtures("listening")
def test_the_learners_own_interrupt_goes_through() -> None:
    thread = threading.Timer(
        0.2, lambda: signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    )
    before = state()
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        trying("threading.Event().wait(10)", "import threading")
    thread.join()
    assert not isinstance(caught.value, OutOfTime)
    assert state() == before


def test_somebody_elses_thread_may_do_as_it_likes() -> None:
    done: list[object] = []
    begun = threading.Event()
    thread = threading.Thread(target=lambda: begun.wait() and done.append(time.sleep(0)))
    thread.start()
    with guarded():
        begun.set()
        thread.join()
    assert done == [None]


def test_in_another_thread_there_is_no_limit_but_the_rest_of_the_guard_holds() -> None:
    seen: list[object] = []

    def work() -> None:
        with guarded() as printed:
            print("hello")
        seen.append(printed.text)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["hello\n"]


# --- a machine that is slow, busy, or stands still -----------------------------------------------


def test_a_busy_machine_is_no_reason_to_stop() -> None:
    # With twenty kernels at once a check gets a tenth of a processor.
    began = time.monotonic()
    try:
        with guarded(limit=Timed(1.0)):
            while time.monotonic() - began < 2:
                busy = time.process_time()
                while time.process_time() - busy < 0.005:
                    pass
                threading.Event().wait(0.06)
    except OutOfTime as stopped:
        pytest.fail(repr(stopped))


def test_a_slow_machine_gets_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits._slowness() >= 1
    monkeypatch.setattr(limits, "_slowness", lambda: 20.0)  # a real one depends on the neighbours
    busy = time.process_time()
    try:
        with guarded(limit=Timed(1.0)):
            while time.process_time() - busy < 1.5:
                pass
    except OutOfTime as stopped:  # as an interrupt, it would end all tests
        pytest.fail(repr(stopped))


STANDS_STILL = """
import threading
from lessonkit.exercises.guard import guarded
with guarded():
    print(file=open(1, "w", closefd=False), flush=True)
    for _ in range(8):
        threading.Event().wait(0.02)
"""


def test_a_machine_that_stood_still_is_no_reason_to_stop() -> None:
    if not hasattr(signal, "SIGSTOP"):  # Windows cannot stop a process
        return
    command = [sys.executable, "-c", STANDS_STILL]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        process.send_signal(signal.SIGSTOP)
        time.sleep(2)
        process.send_signal(signal.SIGCONT)
        assert process.wait() == 0


# --- what is the learner's runs under guard ------------------------------------------------------

BAD = """
class Bad(Exception):
    def __str__(self): {it}
    __repr__ = __eq__ = __bool__ = __hash__ = __str__
"""


@pytest.mark.parametrize("it", ["raise ValueError('in it')", "raise SystemExit", "return 5"])
def test_an_error_that_cannot_be_said_is_named(it: str) -> None:
    result = trying("raise Bad", BAD.format(it=it))
    assert result.verdict is Verdict.ERROR
    assert result.trouble.startswith("Bad: (its __str__ fails)")


@pytest.mark.usefixtures("_each_limit")
@pytest.mark.parametrize(
    "body", ["raise Bad", "error = Bad()\nerror.__notes__ = [error]\nraise error"]
)
def test_an_error_that_never_ends_its_words_is_stopped(body: str) -> None:
    result = trying(body, BAD.format(it="\n        while True: pass"))
    assert "a loop that never ends" in result.sentence


@pytest.mark.parametrize("notes", ["5", "[5, None]", "[object()]", "['what I saw']", "{}", "'ab'"])
def test_notes_may_be_anything(notes: str) -> None:
    result = trying(f"error = ValueError('mine')\nerror.__notes__ = {notes}\nraise error")
    assert result.trouble.startswith("ValueError: mine")
    assert ("what I saw" in result.trouble) == ("saw" in notes)


plan = Exercise(
    name="plan",
    notebook="00-start",
    module=__name__,
    point=1,
    title="A plan",
    shown="It works.",
    starter="PLAN = {'stock': ...}",
    asks=("PLAN",),
    judge=lambda given: Counterexample("Not that.", "Another.") if given else None,
    answer="PLAN = {}",
)


@pytest.mark.parametrize("it", ["raise ValueError('in it')", "raise SystemExit", "return 5"])
def test_what_cannot_be_compared_is_something_else(it: str) -> None:
    before = BAD.format(it=it)
    assert attempt(plan, f"{before}\nPLAN = {{'stock': Bad()}}", []).verdict is not Verdict.SOLVED
    result = attempt(plan, f"{before}\nPLAN = Bad()", [])
    assert result.verdict is Verdict.ERROR
    assert "PLAN must be a dict, as in the starting cell; got Bad" in result.trouble


@pytest.mark.usefixtures("_each_limit")
def test_a_comparison_that_never_ends_is_stopped() -> None:
    before = BAD.format(it="\n        while True: pass").replace("__eq__", "__eq__ = __ne__")
    result = attempt(plan, f"{before}\nPLAN = Bad()", [])
    assert "a loop that never ends" in result.sentence


def test_a_table_of_numbers_can_be_handed_in() -> None:
    code = "import numpy as np\nPLAN = {'stock': np.array([1, 2])}"
    assert attempt(plan, code, []).sentence == "Not that."


@pytest.mark.parametrize("module", ["'no.such.module'", "5", "[]"])
def test_a_class_that_says_it_comes_from_elsewhere_is_no_trouble(module: str) -> None:
    result = attempt(small, f"class work: pass\nwork.__module__ = {module}", [])
    assert result.trouble.startswith("TypeError: work() takes no arguments")


# --- `await` forgotten ---------------------------------------------------------------------------

SAID = "`inventory.reserve(...)` was called and never awaited: without `await`, nothing of it"
RESERVE = "shop.inventory.reserve(an_order().items)"


@pytest.mark.parametrize("end", ["return False", "raise ValueError", "return (await shop.x)"])
def test_a_forgotten_await_is_named_first(end: str) -> None:
    result = trying(f"{RESERVE}\n{RESERVE}\n{end}")
    assert result.advice.startswith(SAID)
    assert result.advice.count("never awaited") == 1
    assert "never awaited" not in result.printed
    assert ("It must do something." in result.advice) == (end == "return False")


def test_the_name_is_the_learners_own() -> None:
    result = trying("ask()\nasyncio.sleep(1)\nreturn False", "async def ask(): pass")
    assert "`ask(...)` was called" in result.advice
    assert "`sleep(...)` was called" in result.advice


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (f"{RESERVE}\nreturn True", Verdict.SOLVED),
        (f"await {RESERVE}\nreturn False", Verdict.NOT_YET),
        (f"task = asyncio.create_task({RESERVE})\nreturn False", Verdict.NOT_YET),
        ("return False", Verdict.NOT_ATTEMPTED),
    ],
)
def test_what_was_awaited_is_not_named(body: str, verdict: Verdict) -> None:
    result = trying(body)
    assert (result.verdict, "never awaited" in result.advice + result.printed) == (verdict, False)


def test_what_came_of_a_forgotten_await_is_explained_by_it() -> None:
    result = trying(f"answer = {RESERVE}\nreturn answer.success")
    assert "'coroutine' object has no attribute 'success'" in result.trouble
    assert result.advice.startswith(SAID)


def test_an_earlier_check_leaves_no_forgotten_await_for_the_next() -> None:
    gc.unfreeze()
    gc.collect()
    gc.disable()

    async def forgotten() -> None: ...

    circle: list[object] = [forgotten()]
    circle.append(circle)
    del circle
    gc.enable()
    assert trying("return 0").advice == "It must do something."
    with pytest.warns(RuntimeWarning, match="forgotten"):
        gc.collect()
    gc.freeze()


@pytest.mark.usefixtures("_each_limit")
def test_what_the_interrupt_has_thrown_away_is_not_named() -> None:
    result = trying(f"later = {RESERVE}\nwhile True: pass")
    assert (result.advice, result.printed) == ("", "")


@pytest.mark.usefixtures("_each_limit")
def test_a_loop_that_never_ends_for_want_of_await_is_told_so() -> None:
    result = trying("while True: asyncio.sleep(1)")
    assert "a loop that never ends" in result.sentence
    assert result.advice.startswith("`sleep(...)` was called and never awaited")


def test_other_warnings_are_printed() -> None:
    with pytest.warns(UserWarning, match="mind the gap"):
        trying("warnings.warn('mind the gap')\nreturn True", "import warnings")


# --- nothing is left behind ----------------------------------------------------------------------


def test_a_check_leaves_nothing_behind() -> None:
    def work_of(body: str) -> object:
        scope: dict[str, object] = {}
        exec(f"async def work(shop):\n    {body}", scope)
        return scope["work"]

    answers = [work_of("return 0"), work_of("return 1"), work_of("raise ValueError")]

    def objects_after(checks: int) -> tuple[int, int]:
        for _ in range(checks):
            for answer in answers:
                small.check(answer)
        gc.collect()
        return len(gc.get_objects()), len(ipywidgets.widgets.widget._instances)

    objects, widgets = objects_after(10)
    more_objects, more_widgets = objects_after(20)
    assert more_widgets == widgets
    assert more_objects - objects < 60  # one for each check would be a leak
