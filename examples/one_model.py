"""One model: an answer, how sure the model was of each word, and a conversation.

python examples/one_model.py [MODEL.gguf or a name of the catalogue] [QUESTION]
"""

import sys

import localcollab as lc

model = sys.argv[1] if len(sys.argv) > 1 else "formulary-base"
question = sys.argv[2] if len(sys.argv) > 2 else "How much is one dose of Kihelrine?"

with lc.load(model, n_ctx=512) as team:
    answer = team.generate(question, max_tokens=60)
    print(f"{question}\n  {answer}")
    speed = f"{answer.tokens_per_second:.0f} tokens a second"
    print(f"  ended: {answer.reason}; {len(answer.tokens)} tokens, {speed}")

    least = min(answer.tokens, key=lambda token: token.probability)
    print(f"  least sure of {least.text!r}: probability {least.probability:.2f}")

    print("\nIt never read about medicines, so it guesses: temperature 1, three seeds")
    for seed in range(3):
        print(" ", team.generate(question, max_tokens=30, temperature=1.0, seed=seed))

    print("\nA conversation keeps what was said:")
    with team.chat() as chat:
        chat.ask("Hello!", max_tokens=60)
        chat.ask("Thank you!", max_tokens=60)
        for message in chat.messages:
            print(f"  {message.role}: {message.content}")
