"""Types at real shells on a pseudo-terminal and presses TAB. A function `weir` stands for the program and prints its arguments,
so what a shell made of the line is what comes back. A shell that is not installed is skipped."""
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

WEIR = os.path.abspath(sys.argv[1])
PATIENCE = 60

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set enable-bracketed-paste off'; weir() { echo \"<$*>\"; }; . ./script; PS1='ready$ '\n"),
    "zsh": (["zsh", "-f", "-i"],
            "autoload -U compinit; compinit -u -D; weir() { print -r -- \"<$*>\"; }; . ./script; "
            "unsetopt zle_bracketed_paste; PROMPT='ready$ '\n"),
    "fish": (["fish", "--no-config", "-i"],
             "function weir; echo \"<$argv>\"; end; source ./script; function fish_prompt; echo 'ready$ '; end\n"),
}

# what is typed before TAB, and what the shell makes of it
LINES = [
    ("expl", "explain"), # a command
    ("run --stat", "run --state-dir"), # an option
    ("run --output mark", "run --output markdown"), # a choice
    ("run -o ndj", "run -o ndjson"), # of its letter
    ("explain --format js", "explain --format json"), # the choices of this command …
    ("gen nexmark --format cs", "gen nexmark --format csv"), # … are not those of that
    ("gen nex", "gen nexmark"), # a word
    ("help compl", "help completion"), # the name of a command
    ("check some", "check some-job.sql"), # a file
    ("run --state-dir fol", "run --state-dir folder/"), # a folder
    ("version zzz", "version zzz"), # nothing
]


class Shell:
    def __init__(self, name, home):
        command, setup = SHELLS[name]
        pid, self.fd = pty.fork()
        if pid == 0:
            os.chdir(home)
            env = {"HOME": home, "PATH": os.environ["PATH"], "TERM": "dumb" if name == "fish" else "vt100", "LC_ALL": "C.UTF-8"}
            os.execvpe(command[0], command, env)
        self.pid, self.text = pid, ""
        self.type(setup)
        self.wait(r"ready\$ [^']*$")

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait(self, pattern):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"never came: {pattern}\n{self.text[-1500:]!r}"
            if select.select([self.fd], [], [], 0.2)[0]:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
        return re.search(pattern, self.text)

    def completed(self, line):
        self.text = ""
        self.type("weir " + line + "\t")
        self.type("\n")
        return self.wait(r"<([^<>\r\n]*)>\r?\n")[1].strip()

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test(name):
    with tempfile.TemporaryDirectory() as home:
        script = subprocess.run([WEIR, "completion", name], capture_output=True, check=True, text=True).stdout
        for file, text in (("script", script), ("some-job.sql", "")):
            with open(f"{home}/{file}", "w") as f:
                f.write(text)
        os.mkdir(f"{home}/folder")
        shell = Shell(name, home)
        bad = []
        for line, wanted in LINES:
            got = shell.completed(line)
            if got.rstrip("/") != wanted.rstrip("/"):
                bad.append(f"weir {line}<TAB> gave '{got}', wanted '{wanted}'")
        shell.close()
        return bad


def main():
    failed = False
    for name in SHELLS:
        if not shutil.which(name):
            print(f"skip completion: {name} is not installed")
            continue
        try:
            bad = test(name)
        except Exception as problem:
            bad = [f"{type(problem).__name__}: {problem}"]
        failed |= bool(bad)
        print(f"not ok completion in {name}\n   " + "\n   ".join(bad) if bad else f"ok completion in {name}", flush=True)
    sys.exit(failed)


main()
