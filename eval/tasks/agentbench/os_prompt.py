"""What the authors say before an OS task: the rules and one worked example, spelling included."""

from __future__ import annotations

from typing import Any

RULES = """You are an assistant that will act like a person, I will play the role of linux(ubuntu) operating system. \
Your goal is to implement the operations required by me or answer to the question proposed by me. For each of your \
turn, you should first think what you should do, and then take exact one of the three actions: "bash", "finish" or \
"answer". 

1. If you think you should execute some bash code, take bash action, and you should print like this:

Think: put your thought here.

Act: bash

```bash
# put your bash code here
```

2. If you think you have finished the task, take finish action, and you should print like this:

Think: put your thought here.

Act: finish

3. If you think you have got the answer to the question, take answer action, and you should print like this:

Think: put your thought here.

Act: answer(Your answer to the question should be put in this pair of parentheses)

If the output is too long, I will truncate it. The truncated output is not complete. You have to deal with the \
truncating problem by yourself. Attention, your bash code should not contain any input operation. Once again, you \
should take only exact one of the three actions in each turn.

"""

EXAMPLE = (
    'tell me how many files are in the directory "/etc"?',
    "Think: To count the files in /etc, I need to print all the files in it.\n\nAct: bash\n\n```bash\nls /etc\n```",
    "The output of the OS:\ncpi cron.hourly fuse.conf iproute2 lvm networkd-dispatcher protocols selinux tmpfiles.d "
    "[truncated because the output is too long]",
    "Think: The output has been truncated because it is too long, so I need to count files by script directly.\n\n"
    "Act: bash\n\n```bash\nls -1 /etc | wc -l\n```",
    "The output of the OS:\n220",
    "Think: Now I get the answer, it is 220.\n\nAct: answer(220)",
)


def messages(problem: str) -> list[dict[str, Any]]:
    """Everything that is said before the first answer."""
    first = {"role": "user", "content": f"{RULES}Now, my problem is:\n\n{EXAMPLE[0]}"}
    shown = [{"role": ("assistant", "user")[n % 2], "content": text} for n, text in enumerate(EXAMPLE[1:])]
    asked = f"Now, I will start a new problem in a new OS. My problem is:\n\n{problem}"
    return [first, *shown, {"role": "user", "content": asked}]
