"""The picture of the layers is drawn from the import contracts."""

from pictures.architecture import PICTURE, draw, picture


def test_the_picture_in_docs_shows_the_contracts() -> None:
    again = "python scripts/pictures/architecture.py"
    assert PICTURE.read_text(encoding="utf-8") == picture(), f"the contracts changed: run {again}"


def test_a_lower_layer_is_drawn_below() -> None:
    drawn = draw([["tui"], ["runtime"]], [["upper"], ["lower"]], files={"lower"})
    height = {
        name: float(drawn.split(f">{name}<")[0].rpartition('y="')[2].partition('"')[0])
        for name in ("tui", "runtime", "upper", "lower")
    }
    assert height["tui"] < height["runtime"] < height["upper"] < height["lower"]
