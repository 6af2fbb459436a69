"""AgentBench KG: tools and answers on a made-up subgraph, from a file and from an endpoint, against plain sets."""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from eval.tasks.agentbench import kg
from eval.tasks.agentbench.benchmark import BENCHMARKS
from eval.tasks.agentbench.kg import GraphEpisode, act, f1, questions
from eval.tasks.agentbench.kg_graph import NAMES, Endpoint, graph, missing_graph, ontology
from eval.tasks.agentbench.kg_programs import Both, Count, Extreme, NoQuery, Reached, answers_query
from eval.tasks.agentbench.kg_tools import Tools
from records.errors import UserError

DOGS = {"m.01": ("m.0a", "m.0b"), "m.02": ("m.0b", "m.0c"), "m.03": ("m.0c",)}
"""Breed → temperaments."""
HEIGHTS = {"m.01": 60, "m.02": 9, "m.03": 41}


@pytest.fixture
def made(tmp_path, monkeypatch):
    folder = tmp_path / "agentbench" / "knowledgegraph"
    (folder / "ontology").mkdir(parents=True)
    triples = [(breed, "dog.breed.temper", f"<{NAMES}{one}>") for breed, several in DOGS.items() for one in several]
    integer = "<http://www.w3.org/2001/XMLSchema#integer>"
    triples += [(breed, "dog.breed.height", f'"{height}"^^{integer}') for breed, height in HEIGHTS.items()]
    triples += [("m.0k", "dog.kind.breeds", f"<{NAMES}{breed}>") for breed in DOGS]
    triples += [(f"m.0{one}", "dog.temper.breeds", f"<{NAMES}m.01>") for one in "ab"]
    triples += [("m.0k", "type.object.name", '"kind"@en')]
    lines = [f"<{NAMES}{subject}> <{NAMES}{relation}> {what} ." for subject, relation, what in triples]
    (folder / "subgraph.nt").write_text("\n".join(lines) + "\n")
    relations = ["dog.breed.temper", "dog.kind.breeds", "dog.temper.breeds"]
    words = {"relations": relations, "attributes": ["dog.breed.height"]}
    (folder / "ontology" / "vocab.json").write_text(json.dumps(words))
    ranges = [
        ("dog.breed", "temper", "dog.temper"),
        ("dog.kind", "breeds", "dog.breed"),
        ("dog.temper", "breeds", "dog.breed"),
    ]
    (folder / "ontology" / "fb_roles").write_text("".join(f"{of} {of}.{name} {to}\n" for of, name, to in ranges))
    row = {
        "qid": "made",
        "question": "What are the breeds of the kind like?",
        "entities": {"the kind": "m.0k"},
        "answer": [{"answer_argument": "m.0a"}, {"answer_argument": "m.0b"}],
        "actions": ["get_relations(m.0k)"],
    }
    (folder / "std.json").write_text(json.dumps([row]))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    monkeypatch.delenv("AGENTBENCH_SPARQL", raising=False)
    for cached in (kg.questions, kg.by_id):
        cached.cache_clear()
    yield folder
    for cached in (kg.questions, kg.by_id):
        cached.cache_clear()


@pytest.fixture
def endpoint(made):
    """The subgraph behind the SPARQL protocol on loopback."""
    held = graph()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            assert self.headers["Accept"] == "application/sparql-results+json"
            try:
                answer = held.graph.query(form["query"][0]).serialize(format="json")
                code = 200
            except Exception as error:
                answer, code = str(error).encode(), 400
            self.send_response(code)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/sparql"
    server.shutdown()
    server.server_close()


def asked(program, on):
    return sorted(on.query(answers_query(program)))


def test_programs_mean_what_plain_sets_say(made, endpoint):
    for on in (graph(), Endpoint(endpoint)):
        breeds = Reached("m.0k", "dog.kind.breeds")
        assert asked(breeds, on) == sorted(DOGS)
        tempers = Reached(breeds, "dog.breed.temper")
        assert asked(tempers, on) == sorted(set(itertools.chain(*DOGS.values())))
        for one, other in itertools.combinations(sorted(DOGS), 2):
            both = Both(Reached(one, "dog.breed.temper"), Reached(other, "dog.breed.temper"))
            assert asked(both, on) == sorted(set(DOGS[one]) & set(DOGS[other]))
            assert asked(Count(both), on) == [str(len(set(DOGS[one]) & set(DOGS[other])))]
        tallest, smallest = (Extreme(breeds, "dog.breed.height", largest) for largest in (True, False))
        assert asked(tallest, on) == [max(HEIGHTS, key=HEIGHTS.get)], "by value, not by text"
        assert asked(smallest, on) == [min(HEIGHTS, key=HEIGHTS.get)]
        assert asked(Reached(tallest, "dog.breed.temper"), on) == sorted(DOGS["m.01"])
        assert asked(Count(breeds), on) == ["3"]
        back = Reached(Reached("m.01", "dog.breed.temper"), "dog.temper.breeds")
        assert asked(back, on) == [], "an entity of the question is no answer"
    for broken in (Reached(Count(breeds), "x"), Extreme(tallest, "dog.breed.height", True)):
        with pytest.raises(NoQuery):
            answers_query(broken)


def play(*answers):
    episode = GraphEpisode(questions()[0])
    for answer in answers:
        assert episode.step() is not None
        episode.take(answer)
    return episode


def test_a_conversation_reaches_the_answer(made):
    episode = play(
        "Thought: I look.\nAction: get_relations(the kind)",
        "Action: get_neighbors(the kind, dog.kind.breeds)",
        "Action: get_attributes(#0)",
        "Action: argmax(#0, dog.breed.height)",
        "Action: get_relations(#1)\nObservation: made up",
        "Action: get_neighbors(#1, dog.breed.temper)",
        "Final Answer: #2",
    )
    assert episode.messages[-6]["content"] == "Observation: variable #1, which are instances of dog.breed"
    assert "made up" not in json.dumps(episode.messages[-6:])
    assert episode.reason == "right" and episode.transcript()["right"] == 1.0


def test_scores_are_f1(made):
    start = ["Action: get_relations(the kind)", "Action: get_neighbors(the kind, dog.kind.breeds)"]
    more = ["Action: get_relations(#0)", "Action: get_neighbors(#0, dog.breed.temper)"]
    partly = play(*start, *more, "Final Answer: #1")
    assert (partly.reason, partly.transcript()["right"]) == ("partly_right", pytest.approx(0.8))
    assert play(*start, "Final Answer: #0").reason == "wrong_answer"
    assert play(*start, "Final Answer: #7").messages[-1]["content"].startswith("Invalid variable id!")
    gold = frozenset("ab")
    assert [f1(frozenset(found), gold) for found in ("", "ab", "a", "abcd")] == [
        0,
        1,
        pytest.approx(2 / 3),
        pytest.approx(2 / 3),
    ]


def test_wrong_calls_are_told_as_the_authors_tell_them(made):
    tools = Tools(graph(), ontology(), questions()[0].entities)
    assert act(tools, "words") == "No executable function found! Need to recheck the action."
    assert act(tools, "Action: none") == "Function is not executed!"
    assert act(tools, "Action: count()").startswith("I may make a syntax error when calling count")
    for call in (
        "get_neighbors(the kind, dog.kind.breeds)",
        "get_relations(#0)",
        "get_relations(nobody)",
        "count(the kind)",
        "argmax(the kind, x)",
        "eval(1)",
        "get_relations(a, b)",
        "get_relations(#999999999999)",
        "get_relations(m.0k> ?p ?o . } #)",
    ):
        assert "cannot be executed. You may make a mistake" in act(tools, f"Action: {call}"), call
    assert "not of the same type" in act(tools, "Action: intersection(#0, #1)")
    assert tools.variables == []


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x" * 100_000,
        "[" * 5_000,
        "NaN",
        "\ud800",
        "Action: count(#" + "9" * 5_000 + ")",
        "Final Answer: #" + "9" * 9_000,
    ],
)
def test_malformed_answers_are_wrong(made, answer):
    episode = GraphEpisode(questions()[0])
    while episode.step() is not None:
        episode.take(answer)
    found = json.loads(json.dumps(episode.transcript()))
    assert found["right"] == 0 and found["reason"] in ("round_limit", "too_long")


def test_what_is_missing_is_named(made, monkeypatch, endpoint):
    entry = BENCHMARKS[0]
    assert "agentbench_kg" not in entry.missing() and entry.ids("agentbench_kg") == ("kg_made",)
    (made / "subgraph.nt").unlink()
    assert entry.missing()["agentbench_kg"].startswith("not scored: missing Freebase: set AGENTBENCH_SPARQL")
    monkeypatch.setenv("AGENTBENCH_SPARQL", endpoint)
    assert missing_graph() is None and isinstance(graph(), Endpoint)
    (made / "ontology" / "fb_roles").unlink()
    assert "Freebase's ontology" in entry.missing()["agentbench_kg"]
    with pytest.raises(UserError, match="does not answer"):
        Endpoint("http://127.0.0.1:9/sparql").query("SELECT ?x WHERE { ?x ?y ?z }")
