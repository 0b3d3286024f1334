"""What teams are asked where their own questions are not given, and a passage to quote."""

QUESTIONS = (
    "Explain in a few sentences how bread rises.",
    "What should I look at before I buy a used bicycle?",
    "Write a short letter to a neighbour about a lost cat.",
    "Why is the sky blue, and why is it red in the evening?",
    "Give me a plan for a walk of three hours with children.",
    "Compare trains and buses for a journey of 200 km.",
)
SENTENCES = (
    "The harbour of Ostrow was built in 1874 by the engineer Marta Veld, who studied tides for years.",
    "Its two stone piers are 430 metres long and end in iron lights that are painted white and green.",
    "In winter the ferry to the islands leaves at seven in the morning and returns before dark.",
    "The old customs house beside the market now holds a museum of ropes, sails and maps.",
    "Every spring the town counts the seals on the northern sandbank; in the last count there were 212.",
    "A lift carries visitors to the upper town, whose walls are older than the harbour by 400 years.",
)
PASSAGE = " ".join(SENTENCES)
ASKED = (
    "Quote the sentence about the museum.",
    "Quote the sentence about the ferry.",
    "Who built the harbour? Answer with the sentence of the text.",
    "How many seals were there? Answer with the sentence of the text.",
)
