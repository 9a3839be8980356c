#!/usr/bin/env python3
"""Prints how the folders of src use each other, as their imports say it, and the circles among files.

    ci/structure.py [folder of a crate, by default this one]

The order of the folders is that of the `mod` lines in src/lib.rs, from the ground up. Exits with 1 if a folder uses one above it, or
if folders use each other in a circle, or if files of one folder do that are not one data structure (`ONE_IDEA`).
"""

import re
import sys
from collections import defaultdict
from pathlib import Path


# The circles that are there on purpose, each one data structure: how many files it has. A number may fall, and then it falls here as
# well. It does not rise: a file that joins a circle is read with all of the others.
ONE_IDEA = {"tree": 8, "stop": 2}


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def module_of(path, src):
    """`("rt", "latch")` for src/rt/latch.rs, `("rt",)` for src/rt/mod.rs."""
    parts = path.relative_to(src).with_suffix("").parts
    return parts[:-1] if parts[-1] in ("mod", "lib") else parts


def branches(tree):
    """The paths in a tree of imports: `a::b` and `a::c::d` for `a::{b, c::{d}}`."""
    start = tree.find("{")
    if start < 0:
        return [re.sub(r" as \w+$", "", tree).strip()]
    depth, found, branch = 0, [], ""
    for char in tree[start:]:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0 or (depth == 1 and char in "{,"):
            found.append(branch)
            branch = ""
        else:
            branch += char
        if depth == 0:
            break
    return [tree[:start] + path for branch in found if branch.strip() for path in branches(branch.strip())]


class Crate:
    def __init__(self, folder):
        src = Path(folder) / "src"
        files = sorted(src.rglob("*.rs"))
        self.text = {module_of(path, src): without_comments(path.read_text()) for path in files}
        named = re.findall(r"^(?:pub )?mod (\w+);", self.text[()], re.M)
        self.order = [name for name in named if (name,) in self.text]
        # Names that a module passes on, each with the path behind it.
        self.passed_on = defaultdict(dict)
        for module, text in self.text.items():
            for tree in re.findall(r"\bpub(?:\(\w+\))? use ([^;]*);", text):
                for path in branches(re.sub(r"\s+", " ", tree)):
                    self.passed_on[module][path.split("::")[-1]] = path.split("::")

    def home(self, path, hops=4):
        """The module that has the item of this path, from the root of the crate."""
        for length in range(len(path), -1, -1):
            module = tuple(path[:length])
            if module not in self.text:
                continue
            rest = path[length:]
            behind = self.passed_on[module].get(rest[0]) if rest and hops else None
            if behind is None:
                return module
            start = () if behind[0] == "crate" else module
            return self.home([*start, *behind[behind[0] == "crate" :], *rest[1:]], hops - 1)
        return ()

    def uses(self, module):
        """The modules that this one names by a path from the root, or from the module around it."""
        text = self.text[module]
        trees = re.findall(r"\buse ((?:crate|super)::[^;]*);", text)
        rest = re.sub(r"\buse [^;]*;", "", text)
        paths = [path for tree in trees for path in branches(re.sub(r"\s+", " ", tree))]
        paths += re.findall(r"(?<!\$)\b(?:crate|super)(?:::\w+)+", rest)
        for path in paths:
            first, *names = re.sub(r"(::self|::\*)$", "", path.replace(" ", "")).split("::")
            # In a module inside of the file, `super` is the file itself.
            is_beside = first == "super" and (*module[:-1], names[0]) in self.text
            around = () if first == "crate" else module[:-1] if is_beside else module
            yield self.home([*around, *names])


def circles(arrows):
    """The sets of names that reach each other."""
    below = {name: {name} for name in arrows}
    changed = True
    while changed:
        changed = False
        for name, seen in below.items():
            wider = seen.union(*(below[other] for used in seen for other in arrows.get(used, ())))
            changed |= wider != seen
            below[name] = wider
    found = {frozenset(other for other in below[name] if name in below[other]) for name in below}
    return sorted((sorted(circle) for circle in found if len(circle) > 1), key=len, reverse=True)


def main():
    crate = Crate(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    files, between = defaultdict(set), defaultdict(int)
    for module in filter(None, crate.text):
        files[module] = {used for used in crate.uses(module) if used and used != module[: len(used)]}
        for used in files[module]:
            between[module[0], used[0]] += module[0] != used[0]
    between = {arrow: count for arrow, count in between.items() if count}

    print(f"{'folder':12} {'files':>5} {'lines':>6}  uses (arrows between files)")
    for folder in crate.order:
        texts = [text for module, text in crate.text.items() if module[:1] == (folder,)]
        used = [f"{other} {between[folder, other]}" for other in crate.order if (folder, other) in between]
        print(f"{folder:12} {len(texts):5} {sum(text.count(chr(10)) for text in texts):6}  {', '.join(used) or '-'}")

    height = {folder: place for place, folder in enumerate(crate.order)}
    upward = sorted((one, other) for one, other in between if height[one] < height[other])
    print(f"\n{len(between)} arrows between folders, {len(upward)} of them upward")
    for one, other in upward:
        for module, used in sorted((module, used) for module in files for used in files[module]):
            if (module[0], used[0]) == (one, other):
                print(f"  {'::'.join(module)} uses {'::'.join(used)}")

    folders = circles({folder: {other for one, other in between if one == folder} for folder in crate.order})
    inside = circles(files)
    print(f"circles of folders: {len(folders)}")
    for circle in folders:
        print(f"  {', '.join(circle)}")
    print(f"circles of files: {len(inside)}")
    for circle in inside:
        print(f"  {len(circle)}: {', '.join('::'.join(module) for module in circle)}")
    wrong = []
    if len(sys.argv) < 2:
        sizes = {folder: sum(len(circle) for circle in inside if circle[0][0] == folder) for folder in crate.order}
        for folder, size in sizes.items():
            allowed = ONE_IDEA.get(folder, 0)
            if size > allowed:
                wrong.append(
                    f"{folder}: {size} files in a circle, at most {allowed}. Move the item that closes the circle to a lower file"
                    " (data below what acts on it, a constant or a trait to its reader), or the function to the file that calls it."
                )
            if size < allowed:
                wrong.append(f"{folder}: {size} files in a circle, and ONE_IDEA in ci/structure.py says {allowed}. Lower it.")
    print("\n".join(wrong))
    return 1 if upward or folders or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
