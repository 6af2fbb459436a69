"""Requests in plain words, written from what an API's documentation says it does."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.spoken_forms import words_of

LISTING = {"list", "describe", "get", "search", "query", "lookup", "find", "fetch", "read", "retrieve", "view"}
VERBS = LISTING | set(
    (
        "accept acknowledge activate add allocate allow analyze apply approve archive assign associate attach "
        "authorize batch begin build calculate cancel change check clear clone close commit compare complete "
        "compute configure confirm connect convert copy count create deactivate decrypt define delete deliver "
        "deploy deregister detach determine disable disassociate disconnect discover display download enable "
        "encrypt end enumerate estimate evaluate execute export extract finalize generate give grant import "
        "increase initiate insert install invite invoke issue join launch link load lock make mark merge modify "
        "monitor move notify obtain open pause perform poll post predict prepare preview process promote provide "
        "provision publish purchase put reboot receive recover redeem refresh register reject release remove "
        "rename renew replace report request reset resize resolve restart restore resume return revert review "
        "revoke rollback rotate run save scan schedule send set share show sign start stop store submit subscribe "
        "suspend switch sync tag terminate test track train transfer translate trigger undelete undeploy unlink "
        "unlock unsubscribe untag update upgrade upload use validate verify withdraw write"
    ).split()
)
SENTENCE_VERBS = VERBS | set(
    (
        "adjust advance annotate answer append assert attach average boot borrow broadcast bulk capture cast "
        "calibrate center claim classify clean cluster coerce collect combine complement compress concatenate "
        "construct count crop cut deallocate decode decompose decompress decorate deduplicate defer deprovision "
        "derive destroy detect disassociate dispatch display dissociate distribute divide draw drop dump embed emit "
        "encode enroll ensure erase escape evict exchange expand extend factorize fill filter fit flatten flip flush "
        "force format forward freeze generalize group guess handle hash hide identify index infer initialize inspect "
        "instantiate integrate interpolate introspect invalidate invert iterate join kill label log login logout "
        "lower manage map mask match maximize measure minimize mirror mount multiply mute normalize open optimize "
        "order override pad parse partition paste patch permute pick plot plan print prompt propagate prune push "
        "query quit raise randomize rank reassign rebuild recalculate recognize recommend reconstruct record reduce "
        "regenerate reload remap render reopen repair repeat reply resample resend reserve reshape resubmit retry "
        "reverse rewrite roll round route sample scale seed select separate serialize shift shorten shuffle shut "
        "simplify simulate skip slice smooth snapshot solve sort split stack stage stream strip style substitute "
        "subtract suggest sum summarize swap synchronize synthesize take tell tokenize trace transform transpose "
        "traverse trim truncate try turn unenroll unfold uninstall unload unmute unpack unregister unwrap upscale "
        "undo unhide vacuum wait warm warn watch weigh wrap zip"
    ).split()
)
"""Words that are verbs where a sentence starts with them; in a name many are nouns."""
NAVIGATION = re.compile(r"^(\w+) (?:an? )?(?:new )?(?:the )?navigation property (?:to )?(\w+) (?:for|in) (\w+)$", re.I)
INVOKE = re.compile(r"^invokes? (?:the )?(action|function) (\w+)$", re.I)
MICROSOFT = re.compile(r"\bmicrosoft\.graph\.(\w+)")
SECOND_VERB = re.compile(r"^(\w+(?:, \w+)?,? (?:and|or) )(\w+s)\b")
IF_TRUE = re.compile(r"^returns? `*true`* (?:if|when|iff) ", re.I)
NO_VERB = "call "
HTTP_VERBS = {"post": "create", "put": "replace", "patch": "update"}

LOOSE_ENDS = set(
    "a an the this that these those its their your each any all every specified given specific and or nor but if when "
    "of for from in into on onto to with within without by at as via per than under over between through during which "
    "who whose whether is are was be been can will may must not also possibly specifies specify uses using e.g".split()
)
"""Words that a sentence does not end in."""


@dataclass(frozen=True)
class Said:
    """A parameter as a request says it."""

    name: str
    spoken: str
    kind: str
    """JSON Schema type, or `enum`."""


def first_sentence(description: str, most_characters: int = 140) -> str:
    """The first sentence of a description, cut at a word when it is long."""
    text = " ".join(description.split())
    sentence = re.split(r"(?<=[a-z)\"'])\.(?:\s|$)", text, maxsplit=1)[0]
    if len(sentence) > most_characters:
        words = sentence[:most_characters].rsplit(" ", 1)[0].rstrip(" ,:;").split()
        while len(words) > 1 and words[-1].lower() in LOOSE_ENDS:
            words.pop()
        sentence = " ".join(words)
    return sentence.rstrip(" .,:;")


def task_words(name: str, description: str) -> str:
    """What the operation does, as a command: `create a new bucket`.

    The documentation's first sentence gives it when it starts with a verb (`Creates a new bucket.`), else the name,
    whose verb may stand first (`create_bucket`) or last (`projects_buckets_create`), else the name's verb and a
    sentence that says of what (`get`: `The sessions of the event.`). Where none of them says both it is NO_VERB and the
    name, which nobody would ask for.
    """
    sentence = IF_TRUE.sub("check whether ", first_sentence(description, 90))
    sentence = MICROSOFT.sub(lambda found: words_of(found[1]), sentence)
    if generic := _generic(sentence):
        return generic
    start = sentence.split(" ", 1)
    says = len(start) == 2 and _infinitive(start[0]) in SENTENCE_VERBS
    if says and len(sentence.split()) <= 14:
        return _command(*start)
    words = words_of(name.rsplit(".", 1)[-1]).removesuffix(" async").split()
    place = next((number for number, word in enumerate(words) if word in VERBS), None)
    if place is None:
        return _command(*start) if says else NO_VERB + " ".join(words)
    verb, rest = words[place], words[:place] + words[place + 1 :]
    if rest:
        return " ".join([verb, "the" if rest[-1].endswith("s") or verb in LISTING else _article(rest[0]), *rest])
    if says:
        return _command(*start)
    thing = re.sub(r"^represents ", "", sentence, flags=re.I).split(" ", 1)
    if len(thing) == 2 and thing[0].lower() in ("the", "a", "an"):
        return f"{HTTP_VERBS.get(verb, verb)} {thing[0].lower()} {thing[1]}"
    return NO_VERB + verb


def _command(verb: str, rest: str) -> str:
    """The rest of a sentence behind its verb; `Creates and starts a job` has two, `Returns` is what nobody asks for."""
    verb = _infinitive(verb)
    text = ("get" if verb == "return" else verb) + " " + rest
    if (two := SECOND_VERB.match(text)) and _infinitive(two[2]) in SENTENCE_VERBS:
        text = two[1] + _infinitive(two[2]) + text[two.end() :]
    return text


def _generic(sentence: str) -> str:
    """What a sentence that a generator wrote asks for in plain words; empty for any other sentence."""
    if found := NAVIGATION.match(sentence):
        verb, thing, place = found[1].lower(), words_of(found[2]), words_of(found[3])
        return f"{verb} the {thing} {'for' if verb == 'create' else 'of'} {place}"
    if found := INVOKE.match(sentence):
        words = words_of(found[2])
        several = words.split()
        return words if len(several) > 1 and several[0] in VERBS else f"run the {found[1].lower()} {words}"
    return ""


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" and not word.startswith(("us", "uni", "eu", "one")) else "a"


def _infinitive(verb: str) -> str:
    word = verb.lower()
    if re.search(r"(ss|sh|ch|x|zz|o)es$", word):
        return word[:-2]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def request(task: str, said: Sequence[Said], rng: random.Random) -> str:
    """One request for one call."""
    parts = list(said)
    rng.shuffle(parts)
    if not parts:
        return _sentence(
            rng.choice(("{}", "please {}", "can you {}?", "I need to {}", "could you {} for me?")).format(task)
        )
    if rng.random() < 0.22:
        return _listed_after(task, parts, rng)
    clause = _clauses(parts, rng)
    opening = rng.choice(
        (
            "{} {}",
            "{} {}",
            "{} {}",
            "please {} {}",
            "can you {} {}?",
            "I want to {} {}",
            "I need you to {} {}",
            "could you {} {}?",
            "help me {} {}",
            "I'd like to {} {}",
            "how do I {} {}?",
            "we have to {} {} today",
        )
    )
    return _sentence(opening.format(task, clause))


def joined_requests(requests: Sequence[str], rng: random.Random) -> str:
    """Several requests as one message."""
    if rng.random() < 0.5:
        return " ".join(requests)
    link = rng.choice((" Then ", " Also, ", " After that, ", " And "))
    rest = [text[0].lower() + text[1:] if not text.startswith("I") else text for text in requests[1:]]
    return requests[0] + "".join(link + text for text in rest)


def _listed_after(task: str, parts: Sequence[Said], rng: random.Random) -> str:
    style = rng.choice(("{0} is {1}", "{0}: {1}", "use {1} as the {0}", "the {0} should be {1}", "{0} = {1}"))
    listed = [style.format(_name_words(part, rng), part.spoken) for part in parts]
    between = rng.choice((", ", "; ")) if len(listed) > 1 else ""
    opening = rng.choice(("{}. {}", "I want to {}. {}", "please {}. {}", "{}, where {}", "can you {}? {}"))
    body = between.join(listed)
    return _sentence(opening.format(task, body if "where" in opening else body[0].upper() + body[1:]))


def _clauses(parts: Sequence[Said], rng: random.Random) -> str:
    lone_name = sum(words_of(part.name).endswith("name") for part in parts) == 1
    made = [_clause(part, number == 0, lone_name, rng) for number, part in enumerate(parts)]
    if len(made) == 1:
        return rng.choice((f"for {parts[0].spoken}", f"with {parts[0].spoken}")) if _tells(parts[0], rng) else made[0]
    return ", ".join(made[:-1]) + rng.choice((" and ", ", and ", ", ")) + made[-1]


def _tells(part: Said, rng: random.Random) -> bool:
    """Whether a lone value is said without its parameter's name, as people do where there is no doubt."""
    return part.kind not in ("boolean", "object") and rng.random() < 0.4


def _clause(part: Said, first: bool, lone_name: bool, rng: random.Random) -> str:
    words = _name_words(part, rng)
    if part.kind == "boolean":
        on = part.spoken == "true"
        return rng.choice(
            (
                f"with {words} {'enabled' if on else 'disabled'}",
                f"with {words} set to {part.spoken}",
                f"with {words} {'on' if on else 'off'}",
            )
        )
    last = words.split()[-1]
    if last == "name" and lone_name and rng.random() < 0.5:
        return rng.choice(("named", "called")) + f" {part.spoken}"
    if last == "id" and len(words.split()) > 1 and rng.random() < 0.4:
        return f"for {words.rsplit(' ', 1)[0]} {part.spoken}"
    if part.kind in ("integer", "number") and rng.random() < 0.5:
        return f"with {rng.choice(('a ', 'a ', ''))}{words} of {part.spoken}"
    return rng.choice(
        (
            f"with {words} {part.spoken}",
            f"for {words} {part.spoken}",
            f"with the {words} {part.spoken}",
            f"using {part.spoken} as the {words}",
            f"with {words} set to {part.spoken}",
            f"for the {words} {part.spoken}",
            f"in {words} {part.spoken}" if first else f"{words} {part.spoken}",
        )
    )


def _name_words(part: Said, rng: random.Random) -> str:
    # `$select` and `user_id1` are spelt for machines.
    words = re.sub(r"(?<=[a-z]{2})\d$", "", words_of(part.name)).strip("$ ")
    if words.startswith(("is ", "enable ")) and part.kind == "boolean":
        words = words.split(" ", 1)[1]
    # People rarely say "bucket name" or "user id" in full.
    shorter = words.rsplit(" ", 1)
    if len(shorter) == 2 and shorter[1] in ("name", "value", "string", "text") and rng.random() < 0.4:
        return shorter[0]
    return words or "value"


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".?!" else text + "."
