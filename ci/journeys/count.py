"""count.py BINARY SOURCES CALLS NAME: one row about a journey. Writes CALLS.txt: thread, file and function of each call."""

import collections
import os
import subprocess
import sys

binary, sources, calls, journey = sys.argv[1:]
sources = os.path.realpath(sources) + "/"


def is_closure(name):
    """Of `<T as Trait>::f::<{closure}>` what is in angle brackets is no part of the function's own name."""
    depth, own = 0, ""
    for c in name.replace("->", ""):
        depth += (c == "<") - (c == ">")
        own += c if depth == 0 else ""
    return "{" in own


with open(calls) as lines:
    noted = [line.split() for line in lines]
addresses = sorted({address for _, address in noted})
told = subprocess.run(["addr2line", "-C", "-f", "-e", binary], capture_output=True, text=True, check=True,
                      input="".join(f"{int(a, 16) - 1:#x}\n" for a in addresses)).stdout.splitlines()
known = {a: (name, os.path.realpath(place.rsplit(":", 1)[0])) for a, name, place in zip(addresses, told[::2], told[1::2])}

# The functions of locks and maps, and derived ones, are no steps: a reader does not open them.
LEAVES = ("sync/", "rt/by_id.rs")
DERIVED = ("core::ops::deref", "core::default", "core::clone", "core::cmp", "core::hash")
steps = []
for thread, address in noted:
    name, path = known[address]
    if path.startswith(sources) and not is_closure(name) and not any(f" as {trait}" in name for trait in DERIVED):
        file = path[len(sources):]
        if not file.startswith(LEAVES):
            steps.append((thread, file, name))

last, left = {}, collections.defaultdict(set)
moves = returns = folder_moves = 0
for thread, file, _ in steps:
    before = last.get(thread)
    if before not in (None, file):
        moves += 1
        returns += file in left[thread]
        left[thread].add(before)
        folder_moves += os.path.dirname(before) != os.path.dirname(file)
    last[thread] = file
files = {file for _, file, _ in steps}
row = [journey, len(last), len({os.path.dirname(f) for f in files}), len(files), len({step[1:] for step in steps}), len(steps),
       moves, returns, folder_moves]
print("| " + " | ".join(map(str, row)) + " |")

numbers = {}
with open(calls + ".txt", "w") as to:
    for thread, file, name in steps:
        print(numbers.setdefault(thread, len(numbers) + 1), file, name, file=to)
