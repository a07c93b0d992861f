"""Input files: the same bytes for the same numbers. They are made once, under a name that says the numbers."""

import os
import random
import subprocess

CHANNELS = ("apple", "google", "facebook", "baidu")


def finished(path, make):
    """Makes path unless it is there; it appears whole or not at all."""
    if not os.path.exists(path):
        with open(path + ".part", "w") as f:
            make(f)
        os.rename(path + ".part", path)
    return path


def events(weir, folder, count):
    """Nexmark's wrapped events, as `weir gen` makes them."""
    command = [weir, "gen", "nexmark", "--rows", str(count), "--seed", "1", "--format", "json"]
    return finished(f"{folder}/events-{count}.json", lambda f: subprocess.run(command, stdout=f, check=True))


def write_bids(f, count, per_ms, keys):
    rand = random.Random(1).random  # the one method whose numbers every Python keeps
    extra = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do"
    for i in range(count):
        ms = i // per_ms
        f.write(
            '{"auction":%d,"bidder":%d,"price":%d,"channel":"%s","url":"https://www.nexmark.com/%s/item.htm?query=1'
            '&channel_id=%d",'
            '"dateTime":"2026-01-%02d %02d:%02d:%02d.%03d","extra":"%s"}\n'
            % (
                rand() * keys,
                rand() * 100000,
                1 + rand() * 9999999,
                CHANNELS[i & 3],
                "abcdefghijkl"[: 5 + i % 7],
                i % 10000,
                1 + ms // 86400000 % 28,
                ms // 3600000 % 24,
                ms // 60000 % 60,
                ms // 1000 % 60,
                ms % 1000,
                extra[: 36 + i % 15],
            )
        )


def bids(folder, count, per_ms, keys):
    """Flat bids of 233 bytes in the mean, in the order of their times."""
    return finished(f"{folder}/bids-{count}-{per_ms}-{keys}.json", lambda f: write_bids(f, count, per_ms, keys))


def generated(weir, folder, columns, count, keys):
    """The rows that cases.generated gives inside Weir, in a file: the generator is the same, so is the seed."""
    first, second = columns
    options = [
        f"fields.{first}.min=0",
        f"fields.{first}.max={keys - 1}",
        f"fields.{second}.min=1",
        f"fields.{second}.max=1000",
        "fields.n.kind=sequence",
        "fields.n.start=0",
        "fields.n.end=1000000000",
    ]
    command = [
        weir,
        "gen",
        "datagen",
        "--schema",
        f"{first} BIGINT, {second} BIGINT, n BIGINT",
        "--rows",
        str(count),
        "--seed",
        "1",
    ]
    for o in options:
        command += ["--option", o]
    return finished(f"{folder}/{first}-{count}-{keys}.json", lambda f: subprocess.run(command, stdout=f, check=True))
