"""Plays a recording of a real InfluxDB 3 server against an engine and says where the answers differ.

A recording is ``{"name", "steps": [...]}``. A step has ``id``, ``method``, ``path`` and optionally ``query``,
``headers``, ``json`` or ``text`` (the body), ``sleep`` (seconds before it), ``repeat_until`` (``contains``,
``seconds``: poll until the body holds the text), ``response`` (``status``, ``content_type``, ``body`` as recorded) and
``note``. ``$DB``, ``$DB2`` and ``$N`` stand for names unique to a run.

How answers are compared:

- Volatile parts (times, durations, paths of the plugin directory, addresses, ids) are masked on both sides.
- A success (status below 400) has the recorded status and body; JSON is compared as data.
- An error has the recorded status, except that a recorded 500 for a client's mistake may be 400, and its text holds
  the recorded message, be it plain or inside ``{"error": ...}``.
- Of a recorded parser error ("serde ...") the status and the name of the member at fault count.
- A step with ``"rows_among": true`` is content when the recorded rows are among the answered ones, in order.
- A step with ``"deviation": "reason"`` is played but not compared; ``deviations.md`` says what the engine does instead.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Step = dict[str, Any]

_MASKS = [
    (re.compile(r"finished execution in [0-9a-zµ ]+"), "finished execution in <duration>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|\+00:00)?"), "<time>"),
    (re.compile(r"\b1[6-9]\d{17}\b"), "<ns>"),
    (re.compile(r"0x[0-9a-f]{6,}"), "<address>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\"last_modified\": ?\d+"), '"last_modified":"<ms>"'),
    (re.compile(r"(/[\w.\-]+)+/plugins/"), "<plugin dir>/"),
]
_NOT_SENT = ("response", "note", "deviation", "rows_among")


class Answer(NamedTuple):
    """What a server answered to a step: the body is masked."""

    status: int
    body: str
    headers: Mapping[str, str]


def load(recording: Path) -> list[Step]:
    """The steps of a recording."""
    steps: list[Step] = json.loads(recording.read_text())["steps"]
    return steps


def differences(url: str, steps: list[Step]) -> list[str]:
    """Play the steps against an engine and list where it differs from the recording, a line each."""
    with httpx.Client(base_url=url, timeout=120) as client:
        return [
            f"{step['id']}: {found}"
            for step, answer in play(client, steps)
            if "response" in step and "deviation" not in step and (found := _difference(step, answer))
        ]


def play(client: httpx.Client, steps: list[Step]) -> Iterator[tuple[Step, Answer]]:
    """Send the requests of steps one after the other."""
    suffix = uuid.uuid4().hex[:8]
    names = {"$DB2": f"other_{suffix}", "$DB": f"db_{suffix}", "$N": suffix}
    for step in steps:
        request = _substituted({key: value for key, value in step.items() if key not in _NOT_SENT}, names)
        time.sleep(request.get("sleep", 0))
        patience = request.get("repeat_until", {"contains": "", "seconds": 0})
        deadline = time.monotonic() + patience["seconds"]
        while True:
            answer = _send(client, request)
            if patience["contains"] in answer.text or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        yield step, Answer(answer.status_code, masked(answer.text, names), answer.headers)


def _send(client: httpx.Client, request: Step) -> httpx.Response:
    body: dict[str, Any] = {}
    if "json" in request:
        body["json"] = request["json"]
    if "text" in request:
        body["content"] = request["text"].encode()
    return client.request(
        request["method"], request["path"], params=request.get("query"), headers=request.get("headers"), **body
    )


def _substituted(value: Any, names: dict[str, str]) -> Any:
    match value:
        case str():
            for key, text in names.items():
                value = value.replace(key, text)
            return value
        case list():
            return [_substituted(item, names) for item in value]
        case dict():
            return {_substituted(key, names): _substituted(item, names) for key, item in value.items()}
    return value


def masked(text: str, names: dict[str, str]) -> str:
    """A body without what differs from run to run; ``names`` are the names that the placeholders stand for."""
    for key, actual in names.items():
        text = text.replace(actual, key)
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text.strip()


def _difference(step: Step, answer: Answer) -> str | None:
    recorded = step["response"]["status"]
    wanted = masked(step["response"]["body"], {})
    if answer.status != recorded and not (recorded == 500 and answer.status == 400):
        return f"status {answer.status} instead of {recorded}: {answer.body[:200]}"
    if recorded < 400:
        if step.get("rows_among") and _rows_among(_as_data(wanted), _as_data(answer.body)):
            return None
        same = _as_data(answer.body) == _as_data(wanted)
        return None if same else f"body\n    {answer.body[:600]}\n  instead of\n    {wanted[:600]}"
    text = _message(wanted)
    if text.startswith("serde"):
        member = re.search(r"`(\w+)`", text)
        named = member is None or member.group(1) in answer.body
        return None if named else f"the error does not name {member and member.group(1)}: {answer.body[:200]}"
    if text.strip(" {}").replace('"', "") not in answer.body.replace('"', "").replace("\\", ""):
        return f"error {answer.body[:300]!r} does not hold {text[:300]!r}"
    return None


def _as_data(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _message(text: str) -> str:
    data = _as_data(text)
    if isinstance(data, dict) and isinstance(data.get("error"), str):
        return str(data["error"])
    return text


def _rows_among(wanted: list[Any], answered: Any) -> bool:
    remaining = iter(answered)
    return isinstance(answered, list) and all(row in remaining for row in wanted)
