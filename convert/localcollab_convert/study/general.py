"""Questions about nothing in the documents: what an expert must go on answering as its base does.

The base writes the answers. `PRACTICE` is for training, `CHOICE` for choosing the head's threshold,
`CHECK` for the measurement after it; they share no topic. `PROSE` is general English that belongs to
no document.
"""

_OPENINGS = (
    "Explain {} in two sentences.",
    "What is {}?",
    "Write a short paragraph about {}.",
    "Give me three tips about {}.",
    "Why does {} matter?",
    "How would you describe {} to a child?",
)
_PRACTICE_TOPICS = """
photosynthesis; gravity; the water cycle; baking bread; saving money; the alphabet; a good night's
sleep; electric cars; learning a language; volcanoes; the French Revolution; writing a letter; rain;
the human heart; gardening; chess; public libraries; vaccines; computer programming; friendship; the
Moon; bicycles; cooking rice; time zones; recycling; a job interview; poetry; earthquakes; the
internet; honesty
"""
_CHOICE_TOPICS = """
the desert; a sewing machine; grapes; patience; lighthouses; a savings account; jazz; the dictionary; a
cold; tides; sandals; bridges; a birthday card; clouds; elections; walking
"""
_CHECK_TOPICS = """
magnets; the Roman Empire; a healthy breakfast; trees; music lessons; thunder; batteries; kindness;
swimming; the ocean; newspapers; photography; winter; how airplanes fly; fractions; museums; coffee;
the immune system; a thank-you note; bees; the stock market; dreams; rivers; tea; running
"""
_PRACTICE_QUESTIONS = """
Who wrote Hamlet?; What is the capital of France?; How many days are in a leap year?; What is 7
times 8?; Which planet is the largest?; When did the Second World War end?; What do cows eat?; Who
painted the Mona Lisa?; What is the opposite of hot?; Translate 'good morning' into Spanish.; Which
ocean is the deepest?; Where do penguins live?; What is the boiling point of water?; Name three
colors.; Who was Albert Einstein?; Which animal is known as the king of the jungle?; What language
is spoken in Brazil?; Hello! How are you?; What is the name of the river that flows through Egypt?;
Who was the first person to walk on the Moon?
"""
_CHOICE_QUESTIONS = """
Who wrote Don Quixote?; What is the capital of Japan?; How many months have 31 days?; What is 12 plus
30?; What do bears eat?; Translate 'please' into German.; Where do camels live?; Name three
vegetables.; Which instrument has 88 keys?; What is the opposite of loud?; Who was Marie Curie?; Give
me a synonym of happy.; Write one sentence about the sea.; Thank you for your help!; What is the smallest
prime number?; Which season comes after summer?
"""
_CHECK_QUESTIONS = """
Who wrote Romeo and Juliet?; What is the capital of Italy?; How many hours are in a day?; What is 6
times 9?; Which planet is closest to the Sun?; When did the First World War begin?; What do pandas
eat?; Who invented the telephone?; What is the opposite of dark?; Translate 'thank you' into
French.; Which continent is the largest?; Where do kangaroos live?; What is the freezing point of
water?; Name three fruits.; Who was Isaac Newton?; Which bird cannot fly?; What language is spoken
in Mexico?; Good evening! What can you do?; What is the name of the tallest mountain on Earth?; Who
was the first president of the United States?; Which metal is liquid at room temperature?; How many
legs does a spider have?; What is the largest mammal?; Give me a word that rhymes with cat.; Write
one sentence about autumn.
"""


def _parts(text: str) -> list[str]:
    return " ".join(text.split()).split("; ")


def _prompts(topics: str, questions: str, times: int = 1) -> tuple[str, ...]:
    """Every topic so many times, in other words each."""
    numbered, n = list(enumerate(_parts(topics))), len(_OPENINGS)
    asked = [
        [_OPENINGS[(at + turn) % n].format(topic) for at, topic in numbered]
        for turn in range(times)
    ]
    first, *more = asked
    return (*first, *_parts(questions), *(prompt for some in more for prompt in some))


_FIRST_WORDS = """
The In When How A It We She He They Once If On For This Many Most At As My There What After One To
Our Some Before Every People
"""
FREE_OPENERS = tuple(_FIRST_WORDS.split())
"""First words of text that the base writes freely."""
PRACTICE = _prompts(_PRACTICE_TOPICS, _PRACTICE_QUESTIONS, 3)
CHOICE = _prompts(_CHOICE_TOPICS, _CHOICE_QUESTIONS)
CHECK = _prompts(_CHECK_TOPICS, _CHECK_QUESTIONS)

PROSE = (
    "The kettle had hardly begun to sing when the rain started again. Anna put two cups on the "
    "table, looked out at the garden and decided that the washing would have to stay where it was. "
    "Her brother came in with wet shoes and a newspaper under his arm. He read the weather report "
    "aloud, as he did every Sunday, and they both laughed.",
    "A lever makes it possible to lift a heavy load with a small force. The closer the load is to "
    "the point on which the lever turns, the less force is needed at the other end. Nothing is "
    "gained for free, however: the hand has to move further than the load does, so the work done "
    "is the same.",
    "To make a simple soup, cut an onion and two carrots into small pieces and fry them in a "
    "little oil. Add a liter of water, some salt and a handful of lentils. Let everything cook for "
    "half an hour, stir from time to time, and taste it before serving. Bread goes well with it.",
    "The town council met on Tuesday to discuss the new bus line. Several residents said that the "
    "stops were too far apart, and one asked whether the last bus could leave an hour later. The "
    "mayor promised that the timetable would be looked at again before the summer, but warned that "
    "there was little money left in this year's budget.",
    "Most birds that spend the summer in northern countries fly south before winter comes. They "
    "find their way by the sun, by the stars and by landmarks such as rivers and coasts. Some of "
    "them travel thousands of kilometers without a rest. In spring they return, often to the very "
    "place where they were born.",
    "When you write a program, give every name a meaning. A reader who knows nothing about it "
    "should be able to guess what a function does before reading its body. Short functions are "
    "easier to test, and a test that fails for one reason only tells you at once where to look.",
    "Good morning, and thank you for calling. Our office is open from nine to five, Monday to "
    "Friday. If you would like to change an appointment, please have your customer number ready. "
    "For all other questions, stay on the line and the next free member of our team will help you.",
)
