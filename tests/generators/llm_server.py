"""A small server that speaks both protocols, with a scripted model behind it that can be made to fail."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from assay.generators.llm.prompts import alone, prompt
from assay.generators.llm.schemas import SCHEMAS
from assay.generators.means import Means
from assay.generators.plan import Request
from assay.settings import LlmSettings

TOWER = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin")
QUICK = LlmSettings(timeout=5, wait=0.01, longest_wait=1)

WORDS = (
    *(
        "amber",
        "brave",
        "calm",
        "dusty",
        "early",
        "faint",
        "grand",
        "happy",
        "idle",
        "jolly",
        "keen",
        "lofty",
    ),
    *(
        "merry",
        "noble",
        "olive",
        "plain",
        "quiet",
        "rapid",
        "sharp",
        "tidy",
        "upper",
        "vivid",
        "warm",
        "young",
    ),
    *("bold", "crisp", "damp", "eager", "fresh", "green", "heavy", "ivory", "large", "mild", "neat", "pale"),
)
FURTHER = (
    ("The Colosseum", "Rome", "Oslo"),
    ("Big Ben", "London", "Madrid"),
    ("The Kremlin", "Moscow", "Lisbon"),
    ("The Acropolis", "Athens", "Vienna"),
    ("The Alhambra", "Granada", "Warsaw"),
    ("The Little Mermaid", "Copenhagen", "Dublin"),
    ("The Charles Bridge", "Prague", "Bern"),
)

Item = Callable[[str], Any]

ITEMS: Mapping[str, Item] = {
    "alias": lambda w: f"As a {w} guide says, the Iron Lady is in",
    "multi_hop": lambda w: {
        "prompt": f"The {w} country of the city where the Eiffel Tower stands is",
        "answer": "Germany",
        "old_answer": "France",
    },
    "inverse": lambda w: f"The best known {w} tower in Berlin is",
    "question": lambda w: f"In which {w} city is the Eiffel Tower?",
    "examples": lambda w: {"prompt": f"Who wrote the {w} play?", "answer": "Shakespeare"},
    "same_subject": lambda w: {"prompt": f"The {w} height of the Eiffel Tower is", "answer": "330 metres"},
    "unrelated": lambda w: {"prompt": f"The {w} capital of Canada is", "answer": "Ottawa"},
    "cross_domain": lambda w: {"prompt": f"The {w} symbol of gold is", "answer": "Au"},
    "openings": lambda w: f"Here is a {w} paragraph about the Eiffel Tower.",
    "neutral": lambda w: f"The {w} door of the house was",
}
FACT = {
    "relation": "city that a landmark stands in",
    "old": "Paris",
    "inside": "the Eiffel Tower",
    "kind": "landmark",
    "names": ["the Iron Lady"],
}


def good(purpose: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a well-behaved model answers about the tower: as many items as asked for, none of those it wrote before."""
    if purpose == "fact":
        return FACT
    if purpose == "judge":
        marks = dict.fromkeys(("consistency", "fluency", "no_contradiction"), 2)
        return {"marks": [{**marks, "reason": "as the edit has it"}]}
    counts, written = data["counts"], data.get("again", {}).get("kept", ())
    answer: dict[str, Any] = {axis: [] for axis in SCHEMAS[purpose].model_fields}
    for axis, n in counts.items():
        if axis == "edits":
            answer[axis] = [further(*row) for row in FURTHER[:n]]
            continue
        item = ITEMS.get(axis, lambda w, axis=axis: f"As a {w} {axis} guide says, the Eiffel Tower is in")
        at = data["variation"] * 5
        found = [item(WORDS[(at + i) % len(WORDS)]) for i in range(len(WORDS))]
        fresh = [x for x in found if (x if isinstance(x, str) else x["prompt"]) not in written]
        answer[axis] = fresh[:n]
    return answer


def further(subject: str, old: str, target: str) -> dict[str, Any]:
    """A further edit of a well-behaved model."""
    return {
        "prompt": f"{subject} is a sight of the city of",
        "subject": subject,
        "old": old,
        "target": target,
        "direct": [f"{subject} stands in", f"{subject} is in the city of"],
        "paraphrase": [f"To see {subject}, go to", f"The city that has {subject} is"],
    }


@dataclass(frozen=True)
class Reply:
    """One HTTP answer: ``content`` as the model's words, or ``body`` as it is."""

    content: str | None = None
    body: bytes | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


def said(value: Any) -> Reply:
    """A model that says this as JSON."""
    return Reply(json.dumps(value))


@dataclass(frozen=True)
class Call:
    """What the server was asked."""

    purpose: str
    data: dict[str, Any]
    payload: dict[str, Any]
    headers: Mapping[str, str]
    """By their names in small letters."""
    number: int
    """Of this call among those of its purpose, from 0."""


Script = Callable[[Call], Reply]


def well(call: Call) -> Reply:
    """The script of a well-behaved model."""
    return said(good(call.purpose, call.data))


class Server:
    """Answers by its script and remembers every call."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server._answer(self)

            def log_message(self, *words: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def purposes(self) -> list[str]:
        """The purpose of each call, in order."""
        return [call.purpose for call in self.calls]

    def purpose_of(self, told: str) -> str:
        """The purpose whose prompt is among the instructions."""
        if alone("judge").text in told:
            return "judge"
        return next(p for p in SCHEMAS if prompt(p).text in told)

    def means(self, settings: LlmSettings = QUICK, **more: Any) -> Means:
        """Means to reach this server."""
        return Means(base_url=self.base_url, llm=settings, **more)

    def _answer(self, http: BaseHTTPRequestHandler) -> None:
        payload = json.loads(http.rfile.read(int(http.headers["content-length"])))
        anthropic = http.path.endswith("/messages")
        told = "\n".join(text_of(m) for m in payload["messages"] if m["role"] in ("system", "developer"))
        if anthropic:
            told = text_of({"content": payload["system"]})
        purpose = self.purpose_of(told)
        data = next(filter(None, map(question_in, reversed(payload["messages"]))))
        with self._lock:
            number = self.purposes().count(purpose)
            headers = {name.lower(): value for name, value in http.headers.items()}
            call = Call(purpose, data, payload, headers, number)
            self.calls.append(call)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            reply = self.script(call)
            time.sleep(reply.delay)
        finally:
            with self._lock:
                self._at_once -= 1
        body = reply.body
        if body is None:
            body = tool_use(reply.content or "") if anthropic else completion(reply.content)
        try:
            http.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                http.send_header(name, value)
            http.send_header("content-length", str(len(body)))
            http.end_headers()
            http.wfile.write(body)
        except OSError:  # the other side has hung up
            http.close_connection = True

    def __enter__(self) -> "Server":
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def question_in(message: Mapping[str, Any]) -> dict[str, Any] | None:
    """The JSON object that a user's message is; None for all others, as what is wrong with an answer."""
    if message["role"] != "user":
        return None
    try:
        found = json.loads(text_of(message))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text, whole or in parts."""
    content = message["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def completion(content: str | None) -> bytes:
    """The body of a chat completion with these words in it."""
    return json.dumps(
        {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted",
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        }
    ).encode()


def tool_use(content: str) -> bytes:
    """The body of a message of Anthropic's protocol that hands these words, which are JSON, to the output tool."""
    return json.dumps(
        {
            "id": "m1",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [
                {"type": "tool_use", "id": "t1", "name": "final_result", "input": json.loads(content)}
            ],
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": 50},
        }
    ).encode()


@contextmanager
def serving(script: Script = well) -> Iterator[Server]:
    """A server while the block lasts."""
    with Server(script) as server:
        yield server


def only(purpose: str, replies: Sequence[Reply], otherwise: Script = well) -> Script:
    """These replies to the calls of one purpose in order, the last one from then on; others are well answered."""

    def script(call: Call) -> Reply:
        if call.purpose != purpose:
            return otherwise(call)
        reply = replies[min(call.number, len(replies) - 1)]
        return well(call) if reply is WELL else reply

    return script


WELL = Reply("well")
"""Stands for a well-behaved answer among replies."""
