"""Texts on which tokenizers often differ: spaces, joined emoji, scripts, contractions, special tokens."""

from localcollab.chat.template import Message

TEXTS = (
    "Hello, world!",
    " a", "a ", "  two  blanks  ", "   three", "\t tab\t\t", "\n", "\n\n", "\n\n\n a\n", "\r\n",
    " \n \n\n \t\n", "trailing newline\n", "a\u00a0b", "a\u3000b", "a\u200bb", "\ufeffbom",
    "I've I'm you'll WE'VE they'd He'S don't 'tis",
    "0 12 345 6789 12345678901234567890", "3.14159 1,000,000 -17 +4 1e-9 0x1F ½ ²", "٣١٤ १२३",
    "CamelCase snake_case kebab-case ALLCAPS mIxEd",
    "naïve café über São Ærø ñ ß İ ı ſ", "e\u0301 versus é, o\u0308 versus ö",
    "Привет, мир", "γειά σου κόσμε", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "你好，世界。我想在工厂工作1314151天", "こんにちは世界、カタカナ", "안녕하세요 세계", "កាន់តែពិសេសអាច",
    "🙂", "🙂🙃 🚀", "👩‍👩‍👧‍👦 😶‍🌫️ 👍🏽", "🇩🇪🇫🇷", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈 𠀀", "\u0001\u0002 \u007f \u0085",
    "!?...!!! ------ ===== ''''' \"\"\"\" ````", "(a) [b] {c} <d> a/b\\c|d&e#f@g$h%i^j*k~l",
    "def f(x):\n    return x ** 2  # squared\n\n\nprint(f(3))\n",
    "for (int i = 0; i < n; ++i) {\n\ta[i] += 1;\n}", "SELECT * FROM t WHERE a <> 'b';",
    "https://example.org/a?b=c&d=%20#e mail@example.org", "$E = mc^2$ and \\frac{a}{b}",
    "| a | b |\n|---|---|\n| 1 | 2 |", "<p class=\"x\">text &amp; more</p>",
    "a" * 300, "ab " * 100, " " * 40, "1" * 50, "é" * 30, "=" * 65, "\n" * 9,
    "The quick brown fox jumps over the lazy dog. " * 3,
)  # fmt: skip

AROUND_SPECIAL = ("{}", "{}a", "a{}", " {} ", "a{}b", "a {} b", "{}{}", "\n{}\n", "user{}\nHi{}")
"""Templates for each special token of a vocabulary."""

CONVERSATIONS = (
    (Message("user", "Hi"),),
    (Message("user", " Hi \n"), Message("assistant", "Hello!"), Message("user", "What is 2+2?")),
    (Message("system", "Be brief."), Message("user", "Hi")),
)
