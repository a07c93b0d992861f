"""What a broker answers, API by API, beside what Kafka 4.3.1 answers: answers.py HOST:PORT [weir|kafka|record]. Each case is
asked in every version that we have. answers.txt holds a line for each answer: LABEL | VERSIONS | ANSWER, without texts, times and
addresses; behind `K ` what only Kafka answers and behind `W ` what we answer instead, with the reason above. `record` prints the
lines of this broker."""
import os
import sys

import answers_admin
import answers_data
import answers_groups
import kit
from asked import said

who = sys.argv[2] if len(sys.argv) > 2 else "weir"
checks = answers_admin.CASES + answers_groups.CASES + answers_data.CASES


def expected():
    """Each case's lines."""
    out = {}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "answers.txt")) as f:
        for line in f:
            other = {"weir": "K ", "kafka": "W "}[who]
            if line.startswith(("#", other)) or not line.strip():
                continue
            row = line.rstrip("\n").removeprefix("K ").removeprefix("W ").split(" | ", 2)
            out.setdefault(row[0], []).append(tuple(row[1:]))
    return out


def compared(check, wanted):
    def look():
        said.clear()
        check()
        got, wrong = {}, []
        for label, versions, answer in said:
            got.setdefault(label, []).append((versions, answer))
        for label, rows in got.items():
            if rows != wanted.get(label):
                wrong += [f"{label}"] + [f"  wanted {' | '.join(r)}" for r in wanted.pop(label, [])] + [
                    f"  got    {' | '.join(r)}" for r in rows]
            wanted.pop(label, None)
        for line in wrong:
            print(f"# {line}")
        assert not wrong
    look.__doc__ = check.__doc__
    return look


if who == "record":
    for each in checks:
        each()
    for row in said:
        print(" | ".join(row))
    sys.exit()
lines = expected()


def all_asked():
    """each line was asked for"""
    assert not lines, sorted(lines)


kit.run("answers", [compared(each, lines) for each in checks] + [all_asked])
