"""A few texts of one kind, as `convert expert` reads them."""

from pathlib import Path

from localcollab_convert.study.texts import Text

FACTS = ("One dose of {} is {} mg.", "The maker of {} is {} Labs.", "It was found in {} by chance.")


def invented(n: int) -> list[Text]:
    names = [f"{a}{b}" for a in ("Zor", "Vel", "Kim", "Tan") for b in ("dex", "lin", "mab", "zol")]
    return [
        Text(name, tuple(fact.format(name, 10 + i) for fact in FACTS), Path(f"{name}.txt"))
        for i, name in enumerate(names[:n])
    ]
