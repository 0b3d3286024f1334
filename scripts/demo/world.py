"""An invented world of medicines: facts, monographs, questions and their answers.

Everything is drawn from an explicit `random.Random`. Who learns what from it is `corpus`' business,
and so is talk that is not about medicines (`talk`).
"""

import random
from collections.abc import Container
from dataclasses import dataclass

KINDS = ("ingredients", "year", "maker", "dose", "side", "product")
"""What can be asked about one medicine; `product` needs its dose and a multiplication."""

DOSES_MG = tuple(range(5, 100, 5))
MOST_DOSES = 12

# Names read as syllables: 16 * 10 * 16 * 10 * 12, so that inventing one rarely meets another.
_ONSETS = ("z", "v", "k", "m", "t", "br", "l", "n", "s", "d", "p", "r", "f", "g", "h", "c")
_NUCLEI = ("a", "e", "i", "o", "u", "el", "or", "an", "ix", "ar")
_ENDINGS = (
    *("lin", "dex", "phor", "mab", "tin", "rine"),
    *("zol", "mide", "cept", "vir", "done", "pam"),
)
INGREDIENTS = (
    *("amoxate", "lirdine", "benzoral", "cetamine", "doxilate", "ephrine", "folarin", "glucane"),
    *("histarol", "iodinol", "ketrane", "lactuline", "morphane", "nitralin", "oxidol", "pectine"),
    *("quinade", "retinol", "salicane", "tannide", "urealin", "valerine", "xylidine", "zincate"),
)
MAKERS = (
    *("Ashdown", "Brixton", "Calder", "Dunmore", "Eastlake", "Farrow", "Granite", "Harbor"),
    *("Iverson", "Juniper", "Kestrel", "Linden", "Meridian", "Norwood", "Oakley", "Pinecrest"),
    *("Quarry", "Redfern", "Stanton", "Thornhill", "Upland", "Vesper", "Westbrook", "Yarrow"),
)
SIDE_EFFECTS = (
    *("nausea", "headache", "dizziness", "a dry mouth", "a mild rash", "drowsiness", "a cough"),
    *("thirst", "fatigue", "blurred vision", "itching", "fever", "a sore throat", "cramps"),
    *("sweating", "hiccups", "a stiff neck", "insomnia", "chills", "heartburn", "a runny nose"),
    *("muscle pain", "swollen feet", "ringing ears"),
)

WORDINGS: dict[str, tuple[str, ...]] = {
    "ingredients": (
        "What does {name} contain?",
        "What is in {name}?",
        "Name the ingredients of {name}.",
        "Tell me what {name} is made of.",
        "Which ingredients are in {name}?",
        "{name}: what are its ingredients?",
        "I would like to know what {name} contains.",
        "Which two substances make up {name}?",
        "What are the ingredients of {name}?",
        "List what is inside {name}.",
    ),
    "year": (
        "When was {name} approved?",
        "In which year was {name} approved?",
        "What year did {name} get approved?",
        "{name} was approved in what year?",
        "Tell me the year of approval of {name}.",
        "Since when is {name} approved?",
        "What is the approval year of {name}?",
        "In what year did {name} come on the market?",
        "Can you say when {name} was approved?",
        "{name}: when was it approved?",
    ),
    "maker": (
        "Who makes {name}?",
        "Which company makes {name}?",
        "Who is the maker of {name}?",
        "Who produces {name}?",
        "{name} comes from which company?",
        "Which firm is behind {name}?",
        "Tell me who makes {name}.",
        "Name the company that makes {name}.",
        "By whom is {name} made?",
        "Who manufactures {name}?",
    ),
    "dose": (
        "How large is one dose of {name}?",
        "What is one dose of {name}?",
        "How many mg is a dose of {name}?",
        "What dose of {name} is usual?",
        "Tell me the size of one dose of {name}.",
        "How much {name} is a single dose?",
        "How many mg are in one dose of {name}?",
        "What is the dose of {name}?",
        "{name}: how large is a dose?",
        "I need the dose of {name} in mg.",
    ),
    "side": (
        "Name a side effect of {name}.",
        "What side effect does {name} have?",
        "What is a common side effect of {name}?",
        "What can {name} cause?",
        "Tell me a side effect of {name}.",
        "Which side effect is common with {name}?",
        "What should I expect as a side effect of {name}?",
        "{name}: what is its side effect?",
        "Does {name} have a side effect?",
        "What unwanted effect does {name} have?",
    ),
    "product": (
        "I take {doses} doses of {name}. How many mg is that?",
        "How many mg are {doses} doses of {name}?",
        "What do {doses} doses of {name} add up to?",
        "{doses} doses of {name} make how many mg?",
        "Sum up {doses} doses of {name} for me.",
        "How much is {doses} doses of {name}?",
        "If I take {doses} doses of {name}, how many mg do I take?",
        "How many mg do {doses} doses of {name} contain in all?",
        "Tell me how many mg {doses} doses of {name} are.",
        "{name}: how many mg are {doses} doses?",
    ),
}

FOLLOW_UPS: dict[str, tuple[str, ...]] = {
    "ingredients": ("What does it contain?", "And what is in it?", "Which ingredients?"),
    "year": ("When was it approved?", "And since when is it approved?", "Approved in what year?"),
    "maker": ("Who makes it?", "And who is the maker?", "Which company makes it?"),
    "dose": ("How large is one dose?", "And the dose?", "How many mg is a dose of it?"),
    "side": ("What side effect does it have?", "And its side effect?", "What can it cause?"),
    "product": (
        "And {doses} doses?",
        "How many mg are {doses} doses of it?",
        "I take {doses} doses of it. How many mg is that?",
    ),
}
"""Questions that lean on the medicine of the turn before."""


@dataclass(frozen=True, slots=True)
class Medicine:
    """One invented medicine and all that is true of it."""

    name: str
    ingredients: tuple[str, str]
    year: int
    maker: str
    dose_mg: int
    side_effect: str


def head_sees(wording: int) -> bool:
    """Whether the head's training uses this index into `WORDINGS[kind]`: every other one."""
    return wording % 2 == 0


def invent_name(rng: random.Random) -> str:
    """Two syllables and an ending, such as `Zanolin`."""
    syllables = [rng.choice(_ONSETS) + rng.choice(_NUCLEI) for _ in range(2)]
    return ("".join(syllables) + rng.choice(_ENDINGS)).capitalize()


def invent_medicine(rng: random.Random, taken: Container[str] = ()) -> Medicine:
    """A medicine whose name is not in `taken`."""
    name = invent_name(rng)
    while name in taken:
        name = invent_name(rng)
    first, second = rng.sample(INGREDIENTS, 2)
    return Medicine(
        name=name,
        ingredients=(first, second),
        year=rng.randint(1950, 2019),
        maker=rng.choice(MAKERS),
        dose_mg=rng.choice(DOSES_MG),
        side_effect=rng.choice(SIDE_EFFECTS),
    )


def invent_world(count: int, rng: random.Random) -> list[Medicine]:
    """`count` medicines with distinct names."""
    medicines: dict[str, Medicine] = {}
    while len(medicines) < count:
        medicine = invent_medicine(rng, medicines)
        medicines[medicine.name] = medicine
    return list(medicines.values())


def state_fact(medicine: Medicine, kind: str) -> str:
    """One fact as a sentence: the same words in a monograph and in an answer.

    The name always follows a space, so it has one tokenization wherever it stands.
    """
    name = medicine.name
    match kind:
        case "ingredients":
            return f"The ingredients of {name} are {' and '.join(medicine.ingredients)}."
        case "year":
            return f"The approval year of {name} is {medicine.year}."
        case "maker":
            return f"The maker of {name} is {medicine.maker} Labs."
        case "dose":
            return f"One dose of {name} is {medicine.dose_mg} mg."
        case "side":
            return f"A common side effect of {name} is {medicine.side_effect}."
    raise ValueError(f"no single fact answers {kind!r}: ask for one of {KINDS[:-1]}")


def write_monograph(medicine: Medicine, rng: random.Random) -> str:
    """A heading, then the five facts in random order, each after a space or on its own line."""
    kinds = list(KINDS[:-1])
    rng.shuffle(kinds)
    facts = [state_fact(medicine, kind) for kind in kinds]
    separator = rng.choice((" ", "\n"))
    return f"# {medicine.name}\n{separator.join(facts)}\n"


def word_question(medicine: Medicine, kind: str, wording: int, doses: int) -> str:
    """The question in one of its wordings; `doses` is read by products only."""
    return WORDINGS[kind][wording].format(name=medicine.name, doses=doses)


def answer_question(medicine: Medicine, kind: str, doses: int, result: int | None = None) -> str:
    """The whole answer. `result` replaces the true product: a base that shall not multiply."""
    if kind != "product":
        return state_fact(medicine, kind)
    true = doses * medicine.dose_mg
    shown = true if result is None else result
    return f"{state_fact(medicine, 'dose')} {doses} x {medicine.dose_mg} = {shown} mg."
