"""Small chat templates that keep, trim or drop what was said."""

from localcollab.chat.template import ChatTemplate, Message


def template(content: str, before: str = "", after: str = "") -> ChatTemplate:
    return ChatTemplate(
        before
        + "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ "
        + content
        + " }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n" + after + "{% endif %}",
        bos="<s>",
    )


CHATML = template("m.content")
TRIMMING = template("m.content | trim")
WITH_BOS = template("m.content", before="{{ bos_token }}")
FORGETFUL = template("m.content.split('</think>')[-1].lstrip()", after="<think>")
TEMPLATES = [CHATML, TRIMMING, WITH_BOS, FORGETFUL]


def user(content: str) -> Message:
    return Message("user", content)


def assistant(content: str) -> Message:
    return Message("assistant", content)
