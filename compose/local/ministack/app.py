"""ministack as an ASGI application that saves while it runs and ends long polls at once.

The emulator's own environment runs it: `python -m uvicorn compose.local.ministack.app:app`. It
copies none of ministack's code, changes it only where `_hook` is called, and does not start when
one of these places is not there.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from compose.local.ministack.generations import Generations
from compose.local.ministack.long_polls import LongPolls
from compose.local.ministack.snapshots import Snapshots

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_KNOWN = "1.5.33"
_READS = ("BatchGet", "Describe", "Get", "List", "Query", "Receive", "Scan")
_VISIBILITY = ("ChangeMessageVisibility", "ChangeMessageVisibilityBatch")


def _hook(module: str, name: str) -> Any:
    """What we call or replace in ministack; ends the process when it is not there."""
    try:
        return getattr(import_module(f"ministack.{module}"), name)
    except (ImportError, AttributeError):
        raise SystemExit(
            f"ministack {version('ministack')} has no {module}.{name}, which "
            f"compose/local/ministack needs; it was written for ministack {_KNOWN}. Pin that "
            "version again (pyproject.toml, `make lock`, `make setup`), or adapt "
            "compose/local/ministack/app.py to the new one."
        ) from None


_generations = Generations(Path(os.environ["RAGOPS_EMULATOR_STATE"]))
# ministack reads it when it is imported, so this comes before the first hook.
os.environ["STATE_DIR"] = str(_generations.newest())
# ministack sets it whenever a message comes into a queue, whoever sent it.
_message_came = _hook("core.concurrency", "esm_wake")
_application = _hook("app", "app")
_states_by_service = _hook("app", "_build_persistence_save_dict")
_save_state = _hook("core.persistence", "save_state")
_handlers = _hook("services.sqs", "_HANDLERS")
_hook("app", "PERSIST_STATE")
_hook("core.persistence", "STATE_DIR")


def _write(folder: Path) -> None:
    persistence: Any = import_module("ministack.core.persistence")
    persistence.STATE_DIR = str(folder)
    for service, get_state in _states_by_service().items():
        state = get_state()
        if state is None:  # ministack's word for: nothing to save
            continue
        _save_state(service, state)
        if not (folder / f"{service}.json").exists():
            raise OSError(f"ministack did not write the state of {service}: its log says why")


_snapshots = Snapshots(_generations, _write, float(os.environ["RAGOPS_EMULATOR_SAVE_INTERVAL_S"]))
_polls = LongPolls(_handlers["ReceiveMessage"], _hook("services.sqs", "_get_q"))
_set = _message_came.set


def _a_message_came() -> None:
    _set()
    _snapshots.changed()
    _polls.look()


_message_came.set = _a_message_came
_handlers["ReceiveMessage"] = _polls.receive
for _action in _VISIBILITY:
    _handlers[_action] = _polls.then_look(_handlers[_action])


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _application(scope, _before_the_stop(receive), _after_the_start(send))
        return
    try:
        await _application(scope, receive, send)
    finally:
        if _may_change_something(scope):
            _snapshots.changed()


def _may_change_something(scope: Message) -> bool:
    """A yes too many costs a save, a no too many costs data."""
    if scope["method"] in ("GET", "HEAD"):
        return False
    target = dict(scope["headers"]).get(b"x-amz-target", b"").decode("latin-1")
    return not target.rpartition(".")[2].startswith(_READS)


def _after_the_start(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            _snapshots.start()
        await send(message)

    return sending


def _before_the_stop(receive: Receive) -> Receive:
    async def receiving() -> Message:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            await _snapshots.stop()
            # It is saved already, as a whole; ministack would do it again file by file.
            vars(import_module("ministack.app"))["PERSIST_STATE"] = False
        return message

    return receiving
