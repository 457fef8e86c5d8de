"""Checks the seed files under seeds/ mechanically: counts, keys, lengths, likeness, names, words of our own time, slots.

Run: python3 tests/oracle/seeds.py [NAME...] (CPython 3.11 or later, the standard library only). NAME is one of tasks,
personas, scenes, templates, prompts; all of them otherwise. Prints a table and every fault; ends with 1 when there is one.
Lists of words and patterns are read from the Rust sources, so that they cannot drift from what the makers drop.
"""

import json
import re
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
ROLES = {
    "npc": "villager",
    "quest-giver": "quest giver",
    "shopkeeper": "shopkeeper",
    "lore-keeper": "lore keeper",
    "tutorial-guide": "tutorial guide",
}
ACTS = ("greet", "ask", "haggle", "quest", "lore", "hint", "farewell", "off-topic", "hostile")
ROUGE_MAX = 0.7

faults = []
table = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def expect(where, name, value, wanted, holds=None):
    """One row of the table."""
    good = value == wanted if holds is None else holds
    table.append((where, name, str(value), str(wanted), "ok" if good else "FAULT"))
    if not good:
        fault(where, f"{name} is {value}, wanted {wanted}")


def lines(name):
    """The objects of a JSONL file; a blank line is a fault."""
    found = []
    for number, line in enumerate((SEEDS / name).read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            fault(f"{name}:{number}", error)
    ids = Counter(record["id"] for record in found)
    for twice in [name for name, count in ids.items() if count > 1]:
        fault(name, f"the id {twice} stands twice")
    return found


def source(path, name):
    """The text of the Rust constant `name`."""
    text = (ROOT / "src" / path).read_text(encoding="utf-8")
    return re.search(rf"const {name}: [^=]*= (.*?);\n(?:\n|///|fn|pub|const)", text, re.S).group(1)


def patterns(path, name):
    """The regular expressions of a constant as one; letter case ignored, lines apart."""
    found = [raw.removeprefix("(?m)") for raw in re.findall(r'r"(.*?)"', source(path, name))]
    assert found, f"{path}: {name} holds no pattern"
    return re.compile("|".join(f"(?:{raw})" for raw in found), re.I | re.M)


BLACKLIST = patterns("generate/self_instruct/filters.rs", "BLACKLIST")
MODERN = patterns("generate/dialogue/gates.rs", "MODERN")
MARKUP = patterns("generate/dialogue/gates.rs", "MARKUP")
BREAKS_CHARACTER = patterns("verify/verifier/patterns.rs", "BREAKS_CHARACTER")
COMMON = set(source("verify/common_words.rs", "COMMON").split()) | set(source("verify/common_words.rs", "NEGATIONS").split())


def words(text):
    return re.findall(r"[^\W_]+", text.lower())


def rouge_l(left, right):
    """Lin 2004: F1 over the longest common subsequence of words."""
    left, right = words(left), words(right)
    row = [0] * (len(right) + 1)
    for word in left:
        diagonal = 0
        for at, other in enumerate(right, 1):
            diagonal, row[at] = row[at], diagonal + 1 if word == other else max(row[at], row[at - 1])
    return 2 * row[-1] / max(1, len(left) + len(right))


def most_alike(named):
    """The likeness of the two most alike of (id, text), with their ids."""
    pairs = ((rouge_l(a, b), one, two) for at, (one, a) in enumerate(named) for two, b in named[:at])
    return max(pairs, default=(0.0, "", ""))


def clean(where, text, *forbidden):
    for pattern in forbidden:
        if found := pattern.search(text):
            fault(where, f"`{found.group()}` is forbidden")


def invented(answer, known):
    """Words with a capital inside a sentence that `known` does not hold: stricter than the verifier, which knows stems."""
    opens = re.compile(r"[\n.!?…:\"“(\[]")
    spoken = {word.removesuffix("'s") for word in re.findall(r"[^\W_]+(?:'[^\W\d_]+)*", known.lower())}
    last = 0
    for match in re.finditer(r"[^\W_]+(?:'[^\W\d_]+)*", answer):
        gap, last = answer[last : match.start()], match.end()
        word = match.group().lower().removesuffix("'s")
        first = match.start() == 0 or opens.search(gap)
        if match.group()[0].isupper() and not first and word not in COMMON | spoken and not word.endswith("n't"):
            yield match.group()


def sentences(text):
    return len([piece for piece in re.split(r"[.!?…](?=\W|$)", text) if re.search(r"\w", piece)])


def role_of(record):
    return record["id"].rsplit("-", 1)[0]


def tasks():
    name = "tasks.jsonl"
    found = lines(name)
    expect(name, "tasks", len(found), 175)
    for role in ROLES:
        of_role = [task for task in found if role_of(task) == role]
        expect(name, f"{role}", [task["id"] for task in of_role] == [f"{role}-{at:02}" for at in range(1, 36)], True)
        classes = sum(task["is_classification"] for task in of_role)
        expect(name, f"{role}, classification", classes, "6 or more", classes >= 6)
    for task in found:
        check_task(f"{name} {task['id']}", task)
    free = [task for task in found if not task["is_classification"]]
    empty = sum(task["instances"][0]["input"] == "" for task in free)
    expect(name, "without input", empty, "45 to 55", 45 <= empty <= 55)
    expect(name, "names twice", len(found) - len({task["name"] for task in found}), 0)
    verbs = Counter(task["instruction"].split()[0] for task in found)
    expect(name, "first words", len(verbs), "100 or more", len(verbs) >= 100)
    expect(name, "uses of one first word", max(verbs.values()), "3 or fewer", max(verbs.values()) <= 3)
    rouge, one, two = most_alike([(task["id"], task["instruction"]) for task in found])
    expect(name, f"ROUGE-L, most ({one}, {two})", round(rouge, 3), "below 0.7", rouge < ROUGE_MAX)
    outputs = [(task["id"], instance["output"]) for task in free for instance in task["instances"]]
    rouge, one, two = most_alike(outputs)
    expect(name, f"ROUGE-L of outputs ({one}, {two})", round(rouge, 3), "below 0.7", rouge < ROUGE_MAX)


def check_task(where, task):
    if set(task) != {"id", "name", "instruction", "instances", "is_classification"}:
        fault(where, f"keys {sorted(task)}")
    instruction, instances = task["instruction"], task["instances"]
    if not 4 <= len(instruction.split()) <= 60:
        fault(where, f"{len(instruction.split())} words")
    if not instruction[0].isalnum() or instruction.lower().startswith("write a program"):
        fault(where, "begins badly")
    clean(where, instruction, BLACKLIST, MODERN)
    labels = {instance["output"] for instance in instances}
    if task["is_classification"]:
        if not 2 <= len(labels) <= 4:
            fault(where, f"instances of {len(labels)} labels")
        for label in labels:
            if not re.search(rf"\b{re.escape(label.removeprefix('the '))}\b", instruction):
                fault(where, f"the instruction does not name the label `{label}`")
    if not instances or len({instance["input"] for instance in instances}) < len(instances):
        fault(where, "no instance, or two for one input")
    for instance in instances:
        said, output = instance["input"], instance["output"]
        if set(instance) != {"input", "output"} or not output.strip() or said == output:
            fault(where, f"instance {instance}")
        if said.endswith(":") or output.endswith(":"):
            fault(where, "an instance ends with a colon")
        clean(where, f"{said}\n{output}", BLACKLIST, MODERN, BREAKS_CHARACTER)


def system(persona):
    """As `Persona::system` builds it."""
    head = f"You are {persona['name']}, {ROLES[persona['role']]} in {persona['place']}."
    return f"{head} {persona['voice']} {' '.join(persona['facts'])}"


def personas():
    name = "personas.jsonl"
    found = lines(name)
    expect(name, "personas", len(found), 40)
    for role in ROLES:
        of_role = [persona["id"] for persona in found if persona["role"] == role]
        expect(name, role, of_role == [f"{role}-{at}" for at in range(1, 9)], True)
    for key in ("name", "place", "voice"):
        expect(name, f"{key}s twice", len(found) - len({persona[key] for persona in found}), 0)
    for persona in found:
        where = f"{name} {persona['id']}"
        if set(persona) != {"id", "role", "name", "place", "voice", "facts"}:
            fault(where, f"keys {sorted(persona)}")
        if not persona["voice"].startswith("You ") or sentences(persona["voice"]) != 1:
            fault(where, "the voice is no sentence `You ...`")
        if not 2 <= len(persona["facts"]) <= 4:
            fault(where, f"{len(persona['facts'])} facts")
        for fact in persona["facts"]:
            if sentences(fact) != 1 or not fact.endswith(".") or len(fact.split()) > 16:
                fault(where, f"not one short sentence: {fact}")
        clean(where, system(persona), BLACKLIST, MODERN, MARKUP)


def scenes():
    name = "scenes.jsonl"
    found = lines(name)
    people = {persona["id"]: persona for persona in lines("personas.jsonl")}
    expect(name, "scenes", [scene["id"] for scene in found] == [f"human-{at}" for at in range(1, 46)], True)
    cells = Counter((scene["role"], scene["act"]) for scene in found)
    expect(name, "roles x acts, once each", cells == {(role, act): 1 for role in ROLES for act in ACTS}, True)
    long = sum(len(scene["turns"]) > 1 for scene in found)
    expect(name, "of two or three turns", long, "13 to 18", 13 <= long <= 18)
    expect(name, "personas that speak", len({scene["persona"] for scene in found}), 40)
    for scene in found:
        check_scene(f"{name} {scene['id']}", scene, people.get(scene["persona"]))
    for side, place in (("asked", 0), ("answered", 1)):
        texts = [(scene["id"], " ".join(turn[place] for turn in scene["turns"])) for scene in found]
        rouge, one, two = most_alike(texts)
        expect(name, f"ROUGE-L, {side} ({one}, {two})", round(rouge, 3), "below 0.7", rouge < ROUGE_MAX)


def check_scene(where, scene, persona):
    if set(scene) != {"id", "persona", "role", "act", "turns"} or not 1 <= len(scene["turns"]) <= 3:
        fault(where, f"keys {sorted(scene)}, {len(scene['turns'])} turns")
    if not persona or persona["role"] != scene["role"]:
        return fault(where, f"no {scene['role']} is called {scene['persona']}")
    known = system(persona)
    for asked, answered in scene["turns"]:
        known = f"{known}\n{asked}"
        if not 3 <= len(answered.split()) <= 60 or sentences(answered) > 4:
            fault(where, f"{len(answered.split())} words, {sentences(answered)} sentences: {answered}")
        for word in invented(answered, known):
            fault(where, f"`{word}` is in nobody's text: {answered}")
        if rouge_l(asked, answered) > ROUGE_MAX:
            fault(where, f"an echo: {answered}")
        clean(where, answered, MODERN, MARKUP, BLACKLIST, BREAKS_CHARACTER)
        known = f"{known}\n{answered}"


def templates():
    name = "self_play/templates.jsonl"
    found = lines(name)
    slots = json.loads((SEEDS / "self_play/slots.json").read_text(encoding="utf-8"))
    tools = tomllib.loads((SEEDS / "self_play/tools.toml").read_text(encoding="utf-8"))["tools"]["tools"]
    demanding = [template for template in found if template.get("demands_call")]
    plain = len(found) - len(demanding)
    expect(name, "without a call", plain, "30 or more", plain >= 30)
    expect(name, "that demand a call", len(demanding), "6 or more", len(demanding) >= 6)
    roles = Counter(template["role"] for template in found if not template.get("demands_call"))
    expect(name, "roles, each without a call", dict(roles), "6 or more", set(roles) == set(ROLES) and min(roles.values()) >= 6)
    used = set()
    for template in found:
        where = f"{name} {template['id']}"
        if not {"id", "role", "text"} <= set(template) <= {"id", "role", "text", "demands_call"}:
            fault(where, f"keys {sorted(template)}")
        named = set(re.findall(r"{(\w+)}", template["text"]))
        used |= named
        if missing := named - set(slots):
            fault(where, f"no slot {missing}")
        # Each kind of slot gives an argument of the tools: several things are items too.
        given = named | ({"item"} if "goods" in named else set())
        if template.get("demands_call") and not any(set(tool["required"]) <= given for tool in tools.values()):
            fault(where, "no tool can be called with what it names")
        longest = sum(max(map(len, map(str.split, slots[slot]))) for slot in named & set(slots) if isinstance(slots[slot], list))
        if not 3 <= len(template["text"].split()) + longest <= 60:
            fault(where, "too short or too long")
        clean(where, template["text"], MODERN, BLACKLIST)
    expect(name, "slots that no template names", sorted(set(slots) - used), [])
    for slot, values in slots.items():
        if isinstance(values, dict):
            if set(values) != {"min", "max"} or values["min"] > values["max"]:
                fault("self_play/slots.json", f"{slot}: {values}")
        elif len(set(values)) < len(values) or len(values) < 5:
            fault("self_play/slots.json", f"{slot}: fewer than five values, or one twice")
    # `a {item}`: no value may begin with a vowel.
    for template in found:
        for slot in re.findall(r"\ba {(\w+)}", template["text"]):
            for value in slots.get(slot, []):
                if value[0] in "aeiou":
                    fault(f"{name} {template['id']}", f"a {value}")
    rouge, one, two = most_alike([(template["id"], template["text"]) for template in found])
    expect(name, f"ROUGE-L, most ({one}, {two})", round(rouge, 3), "below 0.7", rouge < ROUGE_MAX)


def prompts():
    name = "self_play/prompts.jsonl"
    found = lines(name)
    expect(name, "requests", len(found), 47)
    roles = {system(persona): persona["role"] for persona in lines("personas.jsonl")}
    counts = Counter(roles.get(request["system"]) for request in found)
    expect(name, "of every role", dict(counts), "9 or more", set(counts) == set(ROLES) and min(counts.values()) >= 9)
    expect(name, "systems in use", len({request["system"] for request in found}), 40)
    for request in found:
        where = f"{name} {request['id']}"
        if not {"id", "text", "system"} <= set(request) <= {"id", "text", "system", "demands_call"}:
            fault(where, f"keys {sorted(request)}")
        if not 3 <= len(request["text"].split()) <= 60 or re.search(r"[{}\[\]]", request["text"]):
            fault(where, "too short, too long, or with a slot")
        clean(where, request["text"], MODERN, BLACKLIST, MARKUP)
    asked = [(scene["id"], turn[0]) for scene in lines("scenes.jsonl") for turn in scene["turns"]]
    rouge, one, two = most_alike(asked + [(request["id"], request["text"]) for request in found])
    expect(name, f"ROUGE-L, most ({one}, {two})", round(rouge, 3), "below 0.7", rouge < ROUGE_MAX)


CHECKS = {"tasks": tasks, "personas": personas, "scenes": scenes, "templates": templates, "prompts": prompts}


def main(names):
    for name in names or CHECKS:
        CHECKS[name]()
    for row in table:
        print("{:<26} {:<56} {:>12} {:>12}  {}".format(*row))
    for line in faults:
        print(line)
    print(f"{len(table)} checks of the whole, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
