"""Phrasings of what people and assistants say in a session; one of each list is picked by the session's seed."""

from __future__ import annotations

OPENINGS = (
    "||||Hi, |Hello! |Morning. |Quick one: |For the {topic}: |We are preparing the {topic}. |I'm working on the "
    "{topic}. "
    "|Next task: |Hey, |Thanks for the help so far. |As discussed, |Small request. |I'm cleaning up after the {topic}. "
    "|Back to the {topic}. |This is for the {topic}. |One more thing. |A favour: |About the {topic}: |"
    "Sorry for the rush. "
).split("|")
ASKING = (
    "{}|{}|{}|please {}|can you {}?|could you {}?|I need you to {}|I want to {}|I'd like to {}|we have to {}|help me {}"
    "|would you {} for me?|your job is to {}|let's {}|I was asked to {}|go ahead and {}"
).split("|")
LINKS = "Then |Then |After that, |Next, |Once that works, |When that is done, |And |Afterwards |Also, |".split("|")
ENDINGS = (
    "||||Tell me how it went.|Keep me posted.|Thanks!|A short summary at the end is enough.|It's for the {topic}."
    "|Let me know if anything fails.|This is a bit urgent.|No rush."
).split("|")
LIST_HEADS = "Please do the following:|A few things to do:|To do:|Here is what I need:|Tasks:".split("|")
PAGES = "Fetch lists two at a time.|Use pages of 2 when you list.|Page size 2 for lists, please.".split("|")

CREATE = (
    "create {a}|create {a}|set up {a}|add {a}|make {a}|make me {a}|create a new {noun}|set up a new {noun}|get "
    "me a new {noun}"
).split("|")
NAMED = "named {}|called {}|with the name {}|named '{}'|({})".split("|")
CHECK = (
    "check that it is there|read it back|show me what was stored|look it up again to be sure|fetch it so I can see its "
    "settings|verify the result|confirm it exists|get its details|tell me what the service has stored for it"
).split("|")
CHANGE = (
    "change {whose} {0} to {1}|set {whose} {0} to {1}|update {whose} {0} to {1}|switch {whose} {0} over to {1}"
    "|make {1} {whose} {0}|replace {whose} {0} with {1}|put {whose} {0} at {1}"
).split("|")
DELETE = (
    "delete it|remove it again|clean it up|get rid of it|take it down again|delete it so that nothing is left over"
).split("|")
DELETE_NAMED = "delete the {0} {1}|remove the {0} {1}|delete {1}|take down the {0} {1}|get rid of {0} {1}".split("|")
DELETE_EVERY = (
    "delete every {0} whose {1} is {2}|remove all {0} resources where {1} is {2}|get rid of each {0} whose {1} is {2}"
    "|delete the {0} with {1} {2}, or all of them if there are several|purge whatever {0} has {1} {2}"
).split("|")
LOOK = (
    "look up the {0} {1}|show me the {0} {1}|find the {0} {1}|get me the settings of {0} {1}|see what {0} {1} "
    "looks like"
).split("|")
LEFT = "list what is left|show me what remains|check what is still there|give me the list that remains".split("|")
REPEAT = (
    "send the delete a second time, the first one tends to get lost|try the deletion once more afterwards so we "
    "know it "
    "went through|repeat the delete to be sure that nothing is left|delete it once again to prove that it is gone"
).split("|")

IF_TAKEN_UPDATE = (
    "If there already is one, just {}.|Should it exist already, {}.|In case the name is taken by an old one, {}."
).split("|")
IF_TAKEN_RENAME = (
    "If the name is taken, use {} instead.|Fall back to {} should that name be in use.|Otherwise call it {}.|The "
    "second choice for the name is {}."
).split("|")
IF_TAKEN_KEEP = (
    "If it exists already, leave it alone and show me how it is set up.|Don't touch an existing one, only tell "
    "me what it "
    "looks like.|Should somebody have made it before, I only want to see it."
).split("|")
IF_MISSING = (
    "If there is none, {}.|In case it is missing, {}.|If it does not exist yet, {}.|No such thing? Then {}.".split("|")
)
HINTS = (
    "It is the one whose {0} is {1}, should I have the wrong name.|I may have misremembered what it is called: "
    "its {0} is "
    "{1}.|If that is not it, take the one with {0} {1}.|Not sure about the name, but its {0} is {1}."
).split("|")
ALLOWED = " (or as close to that as it allows)| or the nearest value it takes| at most, less if there is a limit".split(
    "|"
)

WAITING = (
    "The service is throttling requests, so I will wait a moment and send the same call again.|That was rate "
    "limiting, not "
    "a real problem. Retrying.|Too many requests right now; I back off and repeat the call.|Throttled. I'll "
    "pause briefly "
    "and retry unchanged.|The request was refused for its rate only, so the same call goes out again.|Rate limit hit. "
    "Trying once more after a short wait."
).split("|")
MENDING = (
    "The service refused the arguments: {0} I'll send {1} as {2}.|My call was wrong there. {0} Correcting {1} "
    "to {2}.|{0} "
    "So {1} has to be {2}; trying again with that.|That does not pass: {0} Next attempt with {1} = {2}.|I got "
    "{1} wrong. "
    "{0} It should be {2}."
).split("|")
TAKEN = "{} is already taken.|There is one called {} already.|The name {} is in use, so the fallback applies.".split(
    "|"
)
NOT_THERE = "There is no {} yet.|{} does not exist, so I create it.|{} was not found; creating it now.".split("|")
SEARCHING = (
    "{0} does not exist. The list should show the right one.|{0} was not found, so I look through all of them.|No {0} "
    "there; searching by {1}."
).split("|")
MATCH = "{0} has {1} {2}, so it is the one.|It must be {0}.|By its {1}, {0} is meant.".split("|")
GONE = "A last read shows whether it is gone.|Checking that it is really gone.|One read to confirm.".split("|")
AGAIN = "Now what is left:|Listing once more.|The list again, to be sure.".split("|")
SECOND = (
    "The second delete finds nothing, which is what we want.|Not found now: the first one worked.|As expected, "
    "there is "
    "nothing left to delete."
).split("|")
MORE = "There is another page.|More remain; next page.|The list goes on.".split("|")
READ_EACH = "The list does not show that, so I read each of them.|I have to look at each one for that.".split("|")

DONE = "Done: {}.|All set: {}.|Finished: {}.|In short: {}.|Everything went through: {}.".split("|")
UPDATED_INSTEAD = (
    "{0} existed already; its {1} is now {2}.|No new one was needed: I set {1} to {2} on the existing {0}."
).split("|")
RENAMED = "{0} was taken, so the new one is called {1}.|Created {1} because {0} was in use.".split("|")
KEPT = "{0} exists already; I left it as it is. Its settings are above.|Nothing changed: {0} was there before.".split(
    "|"
)
MADE = (
    "It was missing; {0} exists now.|{0} could not be found, so I created it.|Created {0}, since there was none.".split(
        "|"
    )
)
FOUND = (
    "{0} does not exist; you meant {1}, and I could {2}.|Done on {1}, which is the one you described.|The name {0} was "
    "wrong. On {1} I did what you asked: {2}."
).split("|")
CLEANED = "{0} deleted, {1} left.|Deleted {2}; {1} remain.|Only {1} remain after deleting {2}.".split("|")
TWICE = (
    "{0} is gone; the second attempt found nothing to delete.|Deleted {0}. It no longer exists.|{0} is deleted, "
    "and the "
    "repeated call confirms it."
).split("|")
