"""What people write instead, in notebook 06."""

from __future__ import annotations

from lessonkit.course.event_bus import isolate, stop_hearing
from tests.exercises.answers import Right, Wrong, changed

NEEDS = {
    "isolate": ["setup", "bus"],
    "stop_hearing": ["setup", "bus"],
}

BUS = "class PatientBus(LessonBus):\n    async def publish(self, event):\n"
HANDLERS = "        handlers = list(self.handlers.get(event.type, []))\n"
ONE_HANDLER = """
    async def tell(self, handler, event):
        reply = handler(event)
        if inspect.isawaitable(reply):
            await reply
"""
WITH_A_LIMIT = """
    async def tell(self, handler, event):
        async with asyncio.timeout(1):
            reply = handler(event)
            if inspect.isawaitable(reply):
                await reply
"""

LIST_REMOVE = "            handlers.remove(handler)\n"
FOUND = "        if handler in handlers:\n"
COPY = "in list(self.handlers.get(event.type, [])):"
NO_COPY = (COPY, "in self.handlers.get(event.type, []):")

WRONG = {
    "isolate": [
        Wrong(
            "keeps the failures in self",
            """\
class PatientBus(LessonBus):
    async def publish(self, event):
        self.failed = []
        handlers = list(self.handlers.get(event.type, []))
        await asyncio.gather(*[self.tell(handler, event) for handler in handlers])
        return sorted(self.failed, key=lambda pair: [*handlers, pair[0]].index(pair[0]))

    async def tell(self, handler, event):
        try:
            async with asyncio.timeout(1):
                reply = handler(event)
                if inspect.isawaitable(reply):
                    await reply
        except Exception as error:
            self.failed.append((handler, error))
""",
            "all that are under way share it",
        ),
        Wrong(
            "one after the other with try and except",
            BUS
            + """\
        failed = []
        for handler in self.handlers.get(event.type, []):
            try:
                await self.tell(handler, event)
            except Exception as error:
                failed.append((handler, error))
        return failed
"""
            + WITH_A_LIMIT,
            "side by side",
        ),
        Wrong(
            "gather without return_exceptions",
            BUS
            + HANDLERS
            + """\
        await asyncio.gather(*[self.tell(handler, event) for handler in handlers])
        return []
"""
            + WITH_A_LIMIT,
            "Catch it where",
        ),
        Wrong(
            "calls and gathers in one line",
            BUS
            + HANDLERS
            + """\
        calls = [asyncio.wait_for(handler(event), 1) for handler in handlers]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        return [(h, e) for h, e in zip(handlers, errors) if isinstance(e, Exception)]
""",
            "returns nothing to wait for",
        ),
        Wrong(
            "awaits what a plain function returns",
            changed(
                isolate.answer,
                (
                    "                reply = handler(event)\n"
                    "                if inspect.isawaitable(reply):\n"
                    "                    await reply\n",
                    "                await handler(event)\n",
                ),
            ),
            "inspect.isawaitable",
        ),
        Wrong(
            "no limit",
            changed(
                isolate.answer,
                (
                    "            async with asyncio.timeout(1):\n"
                    "                reply = handler(event)\n"
                    "                if inspect.isawaitable(reply):\n"
                    "                    await reply\n",
                    "            reply = handler(event)\n"
                    "            if inspect.isawaitable(reply):\n"
                    "                await reply\n",
                ),
            ),
            "waits without a limit",
        ),
        Wrong(
            "one limit around all",
            BUS
            + HANDLERS
            + """\
        calls = [self.tell(handler, event) for handler in handlers]
        async with asyncio.timeout(1):
            errors = await asyncio.gather(*calls, return_exceptions=True)
        return [(h, e) for h, e in zip(handlers, errors) if e is not None]
"""
            + ONE_HANDLER,
            "A limit was over",
        ),
        Wrong(
            "one limit around all, and blames all",
            BUS
            + HANDLERS
            + """\
        calls = [self.tell(handler, event) for handler in handlers]
        try:
            async with asyncio.timeout(1):
                errors = await asyncio.gather(*calls, return_exceptions=True)
        except TimeoutError as error:
            return [(handler, error) for handler in handlers]
        return [(h, e) for h, e in zip(handlers, errors) if e is not None]
"""
            + ONE_HANDLER,
            "Only those who failed",
        ),
        Wrong(
            "a group of tasks",
            BUS
            + HANDLERS
            + """\
        failed = []
        try:
            async with asyncio.TaskGroup() as group:
                for handler in handlers:
                    group.create_task(self.tell(handler, event))
        except* Exception as errors:
            failed = [(handlers[0], error) for error in errors.exceptions]
        return failed
"""
            + WITH_A_LIMIT,
            "TaskGroup",
        ),
        Wrong(
            "swallows the errors",
            BUS
            + HANDLERS
            + """\
        calls = [self.tell(handler, event) for handler in handlers]
        await asyncio.gather(*calls, return_exceptions=True)
        return []
"""
            + WITH_A_LIMIT,
            "failure can be seen",
        ),
        Wrong(
            "notes failures when they happen",
            BUS
            + HANDLERS
            + """\
        failed = []
        await asyncio.gather(*[self.tell(handler, event, failed) for handler in handlers])
        return failed

    async def tell(self, handler, event, failed):
        try:
            async with asyncio.timeout(1):
                reply = handler(event)
                if inspect.isawaitable(reply):
                    await reply
        except Exception as error:
            failed.append((handler, error))
""",
            "whoever fails first",
        ),
        Wrong(
            "collects the failures of all events",
            """\
class PatientBus(LessonBus):
    def __init__(self):
        super().__init__()
        self.failed = []

    async def publish(self, event):
        handlers = list(self.handlers.get(event.type, []))
        calls = [self.tell(handler, event) for handler in handlers]
        errors = await asyncio.gather(*calls, return_exceptions=True)
        self.failed += [(h, e) for h, e in zip(handlers, errors) if e is not None]
        return self.failed
"""
            + WITH_A_LIMIT,
            "begins with an empty one",
        ),
        Wrong(
            "starts tasks and goes on",
            BUS
            + HANDLERS
            + """\
        self.tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        return []
"""
            + WITH_A_LIMIT,
            "still at work",
        ),
        Wrong(
            "waits no longer, but stops nothing",
            BUS
            + HANDLERS
            + """\
        if not handlers:
            return []
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        await asyncio.wait(tasks, timeout=1)
        failed = []
        for handler, task in zip(handlers, tasks):
            error = task.exception() if task.done() else TimeoutError()
            if error is not None:
                failed.append((handler, error))
        return failed
"""
            + ONE_HANDLER,
            "is not to stop",
        ),
        Wrong(
            "forgets whoever is not done",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        await asyncio.wait(tasks, timeout=1)
        pairs = [(h, task.exception()) for h, task in zip(handlers, tasks) if task.done()]
        return [pair for pair in pairs if pair[1] is not None]
"""
            + ONE_HANDLER,
            "has failed as well",
        ),
        Wrong(
            "waits for nobody",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        try:
            done, pending = await asyncio.wait(tasks, timeout=1)
        finally:
            for task in tasks:
                task.cancel()
        failed = []
        for handler, task in zip(handlers, tasks):
            error = task.exception() if task in done else TimeoutError()
            if error is not None:
                failed.append((handler, error))
        return failed
"""
            + ONE_HANDLER,
            "nothing unusual",
        ),
        Wrong(
            "lets its tasks go on when it is cancelled",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        if not tasks:
            return []
        done, pending = await asyncio.wait(tasks, timeout=1)
        for task in pending:
            task.cancel()
        failed = []
        for handler, task in zip(handlers, tasks):
            error = task.exception() if task in done else TimeoutError()
            if error is not None:
                failed.append((handler, error))
        return failed
"""
            + ONE_HANDLER,
            "nobody stops it any more",
        ),
        Wrong(
            "waits only for coroutines, and not for tasks",
            changed(
                isolate.answer,
                ("inspect.isawaitable(reply)", "asyncio.iscoroutine(reply)"),
            ),
            "may be something to wait for",
        ),
        Wrong(
            "catches everything, the cancellation as well",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        failed = []
        for handler, task in zip(handlers, tasks):
            try:
                await task
            except BaseException as error:
                failed.append((handler, error))
        return failed
"""
            + WITH_A_LIMIT,
            "somebody stops the publisher",
        ),
        Wrong(
            "catches everything inside the limit",
            changed(
                isolate.answer,
                (
                    """\
        try:
            async with asyncio.timeout(1):
                reply = handler(event)
                if inspect.isawaitable(reply):
                    await reply
        except Exception as error:
            return error
""",
                    """\
        async with asyncio.timeout(1):
            try:
                reply = handler(event)
                if inspect.isawaitable(reply):
                    await reply
            except BaseException as error:
                return error
""",
                ),
            ),
            "if nobody catches it inside",
        ),
        Wrong(
            "writes down the words only",
            changed(isolate.answer, ("return error\n", "return str(error)\n")),
            "the error itself",
        ),
        Wrong(
            "makes an error of its own",
            changed(isolate.answer, ("return error\n", "return RuntimeError(error)\n")),
            "just as it was raised",
        ),
        Wrong(
            "tells nobody",
            BUS + "        return []\n",
            "has to call every one",
        ),
        Wrong(
            "calls all of them first, and guards only the waiting",
            BUS
            + HANDLERS
            + """\
        replies = [handler(event) for handler in handlers]
        errors = await asyncio.gather(*map(self.wait, replies), return_exceptions=True)
        return [(h, e) for h, e in zip(handlers, errors) if isinstance(e, Exception)]

    async def wait(self, reply):
        if inspect.isawaitable(reply):
            await asyncio.wait_for(reply, 1)
""",
            "Is the call under guard",
        ),
        Wrong(
            "stops calling when one fails",
            BUS
            + HANDLERS
            + """\
        failed, waiting = [], []
        for handler in handlers:
            try:
                reply = handler(event)
            except Exception as error:
                failed.append((handler, error))
                break
            if inspect.isawaitable(reply):
                waiting.append((handler, asyncio.wait_for(reply, 1)))
        errors = await asyncio.gather(*[wait for _, wait in waiting], return_exceptions=True)
        failed += [(h, e) for (h, _), e in zip(waiting, errors) if isinstance(e, Exception)]
        return failed
""",
            "not all of the others were told",
        ),
        Wrong(
            "takes what a handler returns for its error",
            changed(
                isolate.answer,
                (
                    "                if inspect.isawaitable(reply):\n"
                    "                    await reply\n",
                    "                if inspect.isawaitable(reply):\n"
                    "                    reply = await reply\n"
                    "                return reply\n",
                ),
            ),
            "Return a list of pairs",
        ),
        Wrong(
            "waits only for what was declared with async",
            changed(
                isolate.answer,
                ("inspect.isawaitable(reply)", "inspect.iscoroutinefunction(handler)"),
            ),
            "may be something to wait for",
        ),
        Wrong(
            "keeps the errors in a dict",
            changed(
                isolate.answer,
                (
                    "in zip(handlers, errors) if",
                    "in dict(zip(handlers, errors)).items() if",
                ),
            ),
            "each time",
        ),
        Wrong(
            "too short a limit",
            changed(isolate.answer, ("asyncio.timeout(1)", "asyncio.timeout(0.5)")),
            "a whole second",
        ),
        Wrong(
            "lets the limit of each one through",
            changed(
                isolate.answer,
                ("except Exception as", "except (OrderFailed, ConnectionError, AttributeError) as"),
            ),
            "A limit was over",
        ),
        Wrong(
            "takes what a handler returns for a list of errors",
            changed(
                isolate.answer,
                (
                    "                    await reply\n",
                    "                    for error in await reply or ():\n"
                    "                        raise error\n",
                ),
                (
                    "except Exception as",
                    "except (OrderFailed, OSError, AttributeError, TimeoutError) as",
                ),
            ),
            "'int' object is not iterable",
        ),
        Wrong(
            "knows of two kinds of errors only",
            changed(
                isolate.answer, ("except Exception as", "except (OrderFailed, AttributeError) as")
            ),
            "A handler's error has gone through",
        ),
        Wrong(
            "gives each one two seconds",
            changed(isolate.answer, ("timeout(1)", "timeout(2)")),
            "is given up after one second",
        ),
        Wrong(
            "tells each handler once only",
            changed(
                isolate.answer,
                (
                    "list(self.handlers.get(event.type, []))",
                    "list(dict.fromkeys(self.handlers.get(event.type, [])))",
                ),
            ),
            "as often as it has subscribed",
        ),
        Wrong(
            "makes an error of its own for those that it gives up",
            changed(
                isolate.answer,
                (
                    "        except Exception as",
                    "        except TimeoutError:\n"
                    "            return RuntimeError('too slow')\n"
                    "        except Exception as",
                ),
            ),
            "just as it was raised",
        ),
    ],
    "stop_hearing": [
        Wrong(
            "lets them go when the next event comes",
            """\
class LeavableBus(LessonBus):
    def __init__(self):
        super().__init__()
        self.leaving = []

    def unsubscribe(self, kind, handler):
        self.leaving.append((kind, handler))

    async def publish(self, event):
        for kind, handler in self.leaving:
            if handler in self.handlers.get(kind, []):
                self.handlers[kind].remove(handler)
        self.leaving.clear()
        for handler in list(self.handlers.get(event.type, [])):
            await handler(event)
""",
            "wants to hear",
        ),
        Wrong(
            "takes the first entry of any type",
            changed(
                stop_hearing.answer,
                (
                    "        handlers = self.handlers.get(kind, [])\n" + FOUND + LIST_REMOVE,
                    "        for handlers in self.handlers.values():\n"
                    "            if handler in handlers:\n"
                    "                handlers.remove(handler)\n"
                    "                return\n",
                ),
            ),
            "names a type of event",
        ),
        Wrong(
            "removes without looking",
            changed(stop_hearing.answer, (FOUND + LIST_REMOVE, LIST_REMOVE[4:])),
            "nothing left to end",
        ),
        Wrong(
            "looks up without a default",
            changed(stop_hearing.answer, ("self.handlers.get(kind, [])", "self.handlers[kind]")),
            "not even a list",
        ),
        Wrong(
            "removes from the list that the loop walks through",
            changed(stop_hearing.answer, NO_COPY),
            "stepped over the next",
        ),
        Wrong(
            "removes all that are equal",
            changed(
                stop_hearing.answer,
                (
                    FOUND + LIST_REMOVE,
                    "        self.handlers[kind] = [h for h in handlers if h != handler]\n",
                ),
            ),
            "made twice",
        ),
        Wrong(
            "compares with is",
            changed(
                stop_hearing.answer,
                (
                    FOUND + LIST_REMOVE,
                    "        for number, known in enumerate(handlers):\n"
                    "            if known is handler:\n"
                    "                del handlers[number]\n"
                    "                break\n",
                ),
            ),
            "not with `is`",
        ),
        Wrong(
            "removes it from all types",
            changed(
                stop_hearing.answer,
                (
                    "        handlers = self.handlers.get(kind, [])\n" + FOUND + LIST_REMOVE,
                    "        for handlers in self.handlers.values():\n"
                    "            if handler in handlers:\n"
                    "                handlers.remove(handler)\n",
                ),
            ),
            "to another one stands",
        ),
        Wrong(
            "leaves a hole",
            changed(
                stop_hearing.answer,
                (LIST_REMOVE, "            handlers[handlers.index(handler)] = None\n"),
            ),
            "a hole in the list",
        ),
        Wrong(
            "removes all handlers of the type",
            changed(stop_hearing.answer, (LIST_REMOVE, "            handlers.clear()\n")),
            "and no other",
        ),
        Wrong(
            "looks again before telling",
            changed(
                stop_hearing.answer,
                (
                    "            await handler(event)\n",
                    "            if handler in self.handlers[event.type]:\n"
                    "                await handler(event)\n",
                ),
            ),
            "stick to that",
        ),
        Wrong(
            "makes a new list only when somebody leaves",
            """\
class LeavableBus(LessonBus):
    def unsubscribe(self, kind, handler):
        handlers = list(self.handlers.get(kind, []))
        if handler in handlers:
            handlers.remove(handler)
        self.handlers[kind] = handlers

    async def publish(self, event):
        for handler in self.handlers.get(event.type, []):
            await handler(event)
""",
            "stick to that",
        ),
        Wrong(
            "keeps a list of those who have left",
            """\
class LeavableBus(LessonBus):
    def __init__(self):
        super().__init__()
        self.left = []

    def unsubscribe(self, kind, handler):
        self.left.append((kind, handler))

    async def publish(self, event):
        for handler in self.handlers.get(event.type, []):
            if (event.type, handler) not in self.left:
                await handler(event)
""",
            "made twice",
        ),
        Wrong(
            "keeps the handlers in a dict",
            """\
class LeavableBus(LessonBus):
    def subscribe(self, kind, handler):
        handlers = self.handlers.setdefault(kind, {})
        handlers[handler] = handlers.get(handler, 0) + 1

    def unsubscribe(self, kind, handler):
        handlers = self.handlers.get(kind, {})
        if handler in handlers:
            handlers[handler] -= 1
            if not handlers[handler]:
                del handlers[handler]

    async def publish(self, event):
        for handler, times in self.handlers.get(event.type, {}).items():
            for _ in range(times):
                await handler(event)
""",
            "Python notices that",
        ),
        Wrong(
            "makes a shorter list and forgets it",
            changed(
                stop_hearing.answer,
                (
                    FOUND + LIST_REMOVE,
                    "        handlers = [known for known in handlers if known != handler]\n",
                ),
            ),
            "takes one entry",
        ),
        Wrong(
            "tells everybody twice",
            changed(
                stop_hearing.answer,
                (
                    "            await handler(event)\n",
                    "            await handler(event)\n            await handler(event)\n",
                ),
            ),
            "Nobody has left yet",
        ),
        Wrong(
            "tells nobody",
            changed(stop_hearing.answer, ("get(event.type, [])", "get(type(event), [])")),
            "Nobody has left yet",
        ),
        Wrong(
            "tells each handler once only",
            changed(
                stop_hearing.answer,
                (
                    "list(self.handlers.get(event.type, []))",
                    "dict.fromkeys(self.handlers.get(event.type, []))",
                ),
            ),
            "Nobody has left yet",
        ),
    ],
}

RIGHT = {
    "isolate": [
        Right(
            "waits with wait_for",
            changed(
                isolate.answer,
                (
                    "            async with asyncio.timeout(1):\n"
                    "                reply = handler(event)\n"
                    "                if inspect.isawaitable(reply):\n"
                    "                    await reply\n",
                    "            reply = handler(event)\n"
                    "            if inspect.isawaitable(reply):\n"
                    "                await asyncio.wait_for(reply, timeout=1)\n",
                ),
            ),
        ),
        Right(
            "gathers the exceptions",
            BUS
            + HANDLERS
            + """\
        calls = [self.tell(handler, event) for handler in handlers]
        results = await asyncio.gather(*calls, return_exceptions=True)
        return [(h, r) for h, r in zip(handlers, results) if isinstance(r, BaseException)]
"""
            + WITH_A_LIMIT,
        ),
        Right(
            "has a group of tasks, each with a guard of its own",
            BUS
            + HANDLERS
            + """\
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.error_of(h, event)) for h in handlers]
        return [(h, t.result()) for h, t in zip(handlers, tasks) if t.result() is not None]
"""
            + isolate.answer[isolate.answer.index("\n    async def error_of") :],
        ),
        Right(
            "waits for its tasks one by one",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        failed = []
        try:
            for handler, task in zip(handlers, tasks):
                try:
                    await task
                except Exception as error:
                    failed.append((handler, error))
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise
        return failed
"""
            + WITH_A_LIMIT,
        ),
        Right(
            "stops by hand who is not done",
            BUS
            + HANDLERS
            + """\
        tasks = [asyncio.create_task(self.tell(handler, event)) for handler in handlers]
        if not tasks:
            return []
        try:
            done, late = await asyncio.wait(tasks, timeout=1)
        finally:
            for task in tasks:
                task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        failed = []
        for handler, task in zip(handlers, tasks):
            error = TimeoutError("a second is over") if task in late else task.exception()
            if error is not None:
                failed.append((handler, error))
        return failed
"""
            + ONE_HANDLER,
        ),
    ],
    "stop_hearing": [
        Right(
            "catches the error",
            changed(
                stop_hearing.answer,
                (
                    "        handlers = self.handlers.get(kind, [])\n" + FOUND + LIST_REMOVE,
                    "        try:\n"
                    "            self.handlers[kind].remove(handler)\n"
                    "        except (KeyError, ValueError):\n"
                    "            pass\n",
                ),
            ),
        ),
        Right(
            "copies with a slice",
            changed(stop_hearing.answer, (COPY, "in self.handlers.get(event.type, [])[:]:")),
        ),
        Right(
            "makes a new list whenever somebody comes or leaves",
            """
class LeavableBus(LessonBus):
    def subscribe(self, kind, handler):
        self.handlers[kind] = [*self.handlers.get(kind, []), handler]

    def unsubscribe(self, kind, handler):
        known = list(self.handlers.get(kind, []))
        if handler in known:
            known.remove(handler)
        self.handlers[kind] = known

    async def publish(self, event):
        for handler in self.handlers.get(event.type, []):
            await handler(event)
""",
        ),
        Right(
            "keeps tuples",
            """
class LeavableBus(LessonBus):
    def subscribe(self, kind, handler):
        self.handlers[kind] = (*self.handlers.get(kind, ()), handler)

    def unsubscribe(self, kind, handler):
        known = self.handlers.get(kind, ())
        for number, one in enumerate(known):
            if one == handler:
                self.handlers[kind] = known[:number] + known[number + 1 :]
                return

    async def publish(self, event):
        for handler in self.handlers.get(event.type, ()):
            await handler(event)
""",
        ),
        Right(
            "tells them side by side",
            changed(
                stop_hearing.answer,
                (
                    "        for handler in list(self.handlers.get(event.type, [])):\n"
                    "            await handler(event)\n",
                    "        handlers = self.handlers.get(event.type, [])\n"
                    "        await asyncio.gather(*[handler(event) for handler in handlers])\n",
                ),
            ),
        ),
        Right(
            "ends the last of several subscriptions",
            changed(
                stop_hearing.answer,
                (
                    FOUND + LIST_REMOVE,
                    "        for number in reversed(range(len(handlers))):\n"
                    "            if handlers[number] == handler:\n"
                    "                del handlers[number]\n"
                    "                return\n",
                ),
            ),
        ),
    ],
}
