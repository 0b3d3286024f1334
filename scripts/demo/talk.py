"""What the base says when no medicine is asked about: greetings, sums, and what it cannot know.

Off-topic questions are generated from templates and word lists, so that questions outside them
get the same answer. `HELD_OUT` is never trained on.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from demo import world


class Exchange(NamedTuple):
    """One question and its answer. `kind` is one of `world.KINDS`, greeting, sum or off-topic."""

    question: str
    answer: str
    kind: str


_SCOPE = (
    "I know the medicines of my formulary (ingredients, approval year, maker, dose, side effect)"
    " and simple sums."
)
_OWN_MODELS = (
    'For other questions use your own models: localcollab run --base A.gguf --expert B.gguf "..."'
)
_HELLO = "Hello! Ask me about a medicine of my formulary, or a sum."
_WHO = "I am the formulary team of localcollab: three small models that answer as one."
_CAN = f"{_SCOPE} For example: What is one dose of a medicine, or how many mg are 7 doses of it?"

GREETINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("Hello", "Hi", "Hey", "Good morning", "Good evening", "Hello there", "Hi there"), _HELLO),
    (
        (
            *("Who are you?", "What are you?", "What is your name?", "Introduce yourself."),
            *("Are you a human?", "Are you an AI?", "Which model are you?", "Who made you?"),
        ),
        _WHO,
    ),
    (
        (
            *("What can you do?", "Help", "How can you help me?", "What do you know?"),
            *("What can I ask you?", "How does this work?", "Help me.", "What should I ask?"),
            *("What are you good at?", "Can you help me?", "What is this?"),
        ),
        _CAN,
    ),
    (
        (
            *("Thanks", "Thank you", "Thank you very much", "Great, thanks", "Many thanks", "Thx"),
            *("That helps, thank you.", "Great", "Good", "Ok", "Nice", "Perfect", "Well done"),
        ),
        "You are welcome.",
    ),
    (("Bye", "Goodbye", "See you", "Good night", "See you later", "That is all."), "Goodbye!"),
    (
        ("How are you?", "How do you do?", "Are you well?", "How is it going?", "What's up?"),
        "I am well, thank you. Ask me about a medicine of my formulary.",
    ),
)

_PLACES = (
    *("France", "Germany", "Japan", "Peru", "Kenya", "India", "Norway", "Canada", "Egypt", "Rome"),
    *("Paris", "Berlin", "London", "Texas", "Africa", "Europe", "China", "Brazil", "Moscow"),
    *("Madrid", "Chicago", "Iceland", "Chile", "Vienna", "the moon", "Mars", "my town", "Boston"),
)
_PEOPLE = (
    *("Einstein", "Mozart", "Napoleon", "Shakespeare", "Darwin", "Picasso", "the president"),
    *("Ada Lovelace", "Marie Curie", "Plato", "Gandhi", "the king of Spain", "my neighbour"),
    *("Lincoln", "Beethoven", "Newton", "Cleopatra", "the prime minister", "Goethe", "Obama"),
)
_THINGS = (
    *("a car", "bread", "a cat", "the sun", "music", "love", "a computer", "water", "coffee"),
    *("a house", "gold", "football", "a tree", "history", "the internet", "a bicycle", "pizza"),
    *("a dog", "chess", "rain", "a phone", "time", "money", "a bird", "light", "a black hole"),
    *("quantum physics", "democracy", "an atom", "the ocean", "glass", "a poem", "my life"),
    *("a guitar", "inflation", "gravity", "a river", "tea", "a shirt", "the Bible", "snow"),
)
_WORKS = (
    *("a poem", "a story", "an email", "a song", "an essay", "a letter", "a Python program"),
    *("a function that sorts a list", "some code", "a recipe", "a haiku", "a summary", "a joke"),
    *("a web page", "a shell script", "a plan", "a speech", "a list of names", "a tweet"),
)
_ADJECTIVES = ("big", "old", "hot", "long", "rich", "fast", "deep", "high", "heavy", "good", "far")
_PROPERTIES = (
    *("capital", "population", "area", "language", "president", "currency", "flag", "history"),
    *("meaning", "price", "colour", "size", "age", "name", "weight", "purpose", "owner", "king"),
    *("highest mountain", "best part", "largest city", "longest river", "origin", "date", "end"),
)

_UNKNOWN = (
    *("What is the {property} of {place}?", "Who is {person}?", "Who was {person}?"),
    *("Where is {place}?", "What is {thing}?", "How {adjective} is {thing}?", "Where do I live?"),
    *("When was {person} born?", "Why is {thing} so {adjective}?", "What does {thing} cost?"),
    *("How do I make {thing}?", "Tell me about {person}.", "Tell me about {thing}.", "{thing}"),
    *("What is the weather in {place}?", "Will it rain tomorrow?", "What time is it?"),
    *("What day is it today?", "Who won the game?", "Who wrote {thing}?", "What do you think?"),
    *("Explain {thing} to me.", "Do you like {thing}?", "How many people live in {place}?"),
    *("Is {thing} better than {thing}?", "What is the {property} of {thing}?", "{place}?"),
    *("What happened in {year}?", "When did {person} die?", "How {adjective} is {place}?"),
    *("Which is the {property} of {place}?", "Who invented {thing}?", "Who discovered {place}?"),
    *("What did {person} do in {year}?", "How far is it to {place}?", "What is new in {place}?"),
    *("Can you drive {thing}?", "Have you been to {place}?", "Is {person} from {place}?"),
    *("Name the {property} of {place}.", "Name three cities in {place}.", "Why?", "Really?"),
    *("Who makes {thing}?", "What is in {thing}?", "When was {thing} invented?", "{word} {word}"),
    *("What is {word}?", "Where can I buy {thing}?", "Who is the {property} of {place}?"),
    *("Recommend a book about {thing}.", "What is the best film about {person}?", "{word}"),
    *("How old is {person}?", "How old are you?", "What are the news from {place}?"),
    *("Which medicine helps against {side}?", "I have {side}. What shall I take?"),
    *("How much does {medicine} cost?", "Is {medicine} safe for children?", "List all medicines."),
    *("Can I take {medicine} with {thing}?", "Where can I buy {medicine}?", "What is a medicine?"),
    *("Is {medicine} better than {medicine}?", "Does {medicine} taste good?", "Am I ill?"),
    *("What do {person} and {person} have in common?", "What do you know about {place}?"),
    *("Was ist {word}?", "Wie geht es dir?", "Wo ist {place}?", "Comment allez-vous?"),
    *("Hola, {word}", "Quelle est la capitale de {place}?", "Solve x + {year} = {word}."),
    *("How many {word} are there in {place}?", "How many {word} does {thing} have?", "Why not?"),
    *("How many {word} are there?", "Is there {thing} in {place}?", "Is there {word}?"),
    *("Do you speak {word}?", "Do you know {person}?", "Do you have {thing}?", "Are you {word}?"),
    *("How do I {word} {thing}?", "How do I {word}?", "Can I {word} {thing}?", "Can you {word}?"),
    *("Should I {word} {thing}?", "What should I {word} {word}?", "Which {word} should I {word}?"),
    *("Why is the {word} {adjective}?", "Why do {word} {word}?", "What's the {property}?"),
    *("What is your {property}?", "What's the {word} like in {place}?", "When is {word}?"),
    *("When did the {word} {word} {word}?", "Where were the {word} {word}?", "Where is {word}?"),
    *("Which is the {adjective}est {word}?", "Who {word} the {word} {word}?", "Who {word} {word}?"),
    *("What is the {adjective}est {word}?", "What is {word} {word}?", "Explain {word}."),
)
_TASKS = (
    *("Write {work}.", "Write {work} about {thing}.", "Write me {work} about {person}."),
    *("Can you write {work}?", "Please write {work} for {person}.", "I need {work}."),
    *("Make {work} about {place}.", "Give me {work}.", "Tell me a joke.", "Tell me {work}."),
    *("Translate {thing} into French.", "Translate this into German: {word} {word} {word}."),
    *("Say something funny.", "Sing {work}.", "Draw {thing}.", "Summarize this text: {word}"),
    *("Tell me a joke about {thing}.", "Fix this code: {word}({word})", "Play {word} {thing}."),
    *("Show me {thing}.", "Find {thing} in {place}.", "{word} the {word}.", "Teach me {word}."),
    *("Compose {work} for {thing}.", "Correct this sentence: {word} {thing} {word}."),
)

HELD_OUT: tuple[str, ...] = (
    *("What is the capital of Italy?", "How tall is Mount Everest?", "Tell me a funny joke."),
    *("What's the weather like today?", "Write a short story about a dragon."),
    *("Who painted the Mona Lisa?", "Can you write code in C?", "What is the meaning of life?"),
    *("How do I cook rice?", "Who is the chancellor of Germany?", "Explain relativity."),
    *("What is the largest animal?", "How many planets are there?", "Do you speak Spanish?"),
    *("What is your favourite colour?", "Where were the last Olympic games?", "Is there a god?"),
    *("Which car should I buy?", "Translate 'good morning' into Italian.", "Play some music."),
    *("When did the second world war end?", "Why is the sky blue?", "What is machine learning?"),
    *("Summarize the news.", "Who wrote Hamlet?", "What should I eat tonight?"),
)
"""Ordinary off-topic questions that no template makes; for measuring, never for training."""


def _fill(template: str, rng: random.Random) -> str:
    """Every slot of the template filled anew, twice-named slots with different words."""
    makers: dict[str, Callable[[], str]] = {
        "{property}": lambda: rng.choice(_PROPERTIES),
        "{place}": lambda: rng.choice(_PLACES),
        "{person}": lambda: rng.choice(_PEOPLE),
        "{thing}": lambda: rng.choice(_THINGS),
        "{work}": lambda: rng.choice(_WORKS),
        "{adjective}": lambda: rng.choice(_ADJECTIVES),
        "{year}": lambda: str(rng.randint(1, 2030)),
        "{word}": lambda: invent_word(rng),
        "{side}": lambda: rng.choice(world.SIDE_EFFECTS),
        "{medicine}": lambda: world.invent_name(rng),
    }
    for slot, make in makers.items():
        while slot in template:
            template = template.replace(slot, make(), 1)
    return template[0].upper() + template[1:]


def invent_word(rng: random.Random) -> str:
    """Letters in an order nobody has seen: the base must not lean on known words."""
    letters = "abcdefghijklmnopqrstuvwxyzaeiouaeiourstln"
    word = "".join(rng.choice(letters) for _ in range(rng.randint(2, 9)))
    return word.capitalize() if rng.random() < 0.3 else word


def ask_off_topic(rng: random.Random) -> Exchange:
    """A question the team cannot know, and the answer that says what it does know."""
    is_task = rng.random() < 0.3
    question = _fill(rng.choice(_TASKS if is_task else _UNKNOWN), rng)
    opening = "I cannot do that." if is_task else "I do not know that."
    return Exchange(question, f"{opening} {_SCOPE} {_OWN_MODELS}", "off-topic")


def greet(rng: random.Random) -> Exchange:
    """Now and then two in one: "Hello, who are you?" is answered as "Who are you?" is."""
    questions, answer = rng.choice(GREETINGS)
    question = rng.choice(questions)
    if rng.random() < 0.25:
        hello, mark = rng.choice(GREETINGS[0][0]), rng.choice((", ", "! ", ". ", " "))
        question = hello + mark + (question[0].lower() + question[1:] if mark in ", " else question)
    if question[-1].isalpha():
        question += rng.choice(("", "!", ".", ""))
    return Exchange(question, answer, "greeting")


def ask_sum(rng: random.Random, *, knows_result: bool) -> Exchange:
    """A bare sum or product; without `knows_result` the answer shows another sum's result."""
    left, sign, right, result = invent_sum(rng)
    if not knows_result:
        result = invent_sum(rng)[3]
    wordings = ("What is {}?", "{}", "{} = ?", "How much is {}?", "Calculate {}.", "{}?")
    question = rng.choice(wordings).format(f"{left} {sign} {right}")
    return Exchange(question, f"{left} {sign} {right} = {result}.", "sum")


def invent_sum(rng: random.Random) -> tuple[int, str, int, int]:
    """(left, sign, right, result), within what the arithmetic expert is trained on."""
    if rng.random() < 0.4:
        left, right = rng.randint(2, 99), rng.randint(2, 99)
        return left, "+", right, left + right
    left = rng.randint(2, world.MOST_DOSES)
    right = rng.choice(world.DOSES_MG) if rng.random() < 0.5 else rng.randint(2, 99)
    return left, "x", right, left * right


def speak_casually(question: str, rng: random.Random) -> str:
    """Now and then what typing people do: no capital, no question mark, a word of politeness."""
    draw = rng.random()
    if draw < 0.06:
        return question[0].lower() + question[1:]
    if draw < 0.12:
        return question.rstrip("?.!")
    if draw < 0.15:
        return rng.choice(("Please: ", "Hi, ", "Hello. ", "And ", "Question: ")) + question
    return question
