"""Units: what is the same written otherwise ("mg" and "milligrams"), and how they convert."""

from typing import NamedTuple


class Unit(NamedTuple):
    dimension: str
    factor: float
    """How many of the dimension's first unit it is."""


_SPELLINGS: tuple[tuple[str, float, str], ...] = (
    ("mass", 1e-6, "µg μg mcg microgram micrograms mikrogramm"),
    ("mass", 1e-3, "mg milligram milligrams milligramm miligramos milligrammes milligrammi"),
    ("mass", 1.0, "g gram grams gramm gramos grammes grammi"),
    ("mass", 1e6, "tonne tonnes tonnen toneladas tonnellate"),
    ("length", 1609.344, "mile miles meile meilen millas miglia"),
    ("length", 0.3048, "ft feet"),
    ("area", 1e4, "ha hectare hectares hektar hectáreas"),
    ("area", 4046.8564224, "acre acres"),
    ("mass", 1e3, "kg kilogram kilograms kilogramm kilo kilos kilogramos kilogrammes chilogrammi"),
    ("volume", 1e-3, "ml milliliter milliliters millilitre millilitres mililitros"),
    ("volume", 1e-2, "cl centiliter centilitre centilitres"),
    ("volume", 1.0, "l liter liters litre litres litros litri"),
    ("length", 1e-3, "mm millimeter millimeters millimetre millimetres milímetros"),
    ("length", 1e-2, "cm centimeter centimeters centimetre centimetres zentimeter centímetros"),
    ("length", 1.0, "m meter meters metre metres metros mètres metri"),
    (
        "length",
        1e3,
        "km kilometer kilometers kilometre kilometres kilómetros kilomètres chilometri",
    ),
    ("area", 1.0, "m2 m² sqm"),
    ("area", 1e6, "km2 km²"),
    ("ratio", 0.01, "% percent prozent"),
    ("euro", 1.0, "€ eur euro euros"),
    ("dollar", 1.0, "$ usd dollar dollars dólares"),
    ("pound", 1.0, "£ gbp"),
    ("yen", 1.0, "¥ jpy yen"),
    ("franc", 1.0, "chf"),
    ("time", 1.0, "s sec second seconds sekunde sekunden segundos secondes secondi"),
    ("time", 60.0, "min minute minutes minuten minutos minuti"),
    ("time", 3600.0, "h hour hours stunde stunden horas heures ore"),
    ("days", 1.0, "day days tag tage tagen día días jour jours giorno giorni"),
    ("days", 7.0, "week weeks woche wochen semana semanas semaine semaines settimana settimane"),
    ("months", 1.0, "month months monat monate monaten mes meses mois mese mesi"),
    ("months", 12.0, "year years jahr jahre jahren año años ans année années anno anni"),
    ("celsius", 1.0, "°c celsius degreescelsius degreecelsius gradcelsius"),
    ("fahrenheit", 1.0, "°f fahrenheit degreesfahrenheit degreefahrenheit gradfahrenheit"),
    ("degree", 1.0, "° degree degrees grad"),
    ("power", 1.0, "w watt watts"),
    ("power", 1e3, "kw kilowatt kilowatts"),
    ("energy", 1.0, "kwh"),
    ("bytes", 1e3, "kb"),
    ("bytes", 1e6, "mb"),
    ("bytes", 1e9, "gb"),
    ("amount", 1.0, "mmol"),
)
UNITS = {
    spelling: Unit(dimension, factor)
    for dimension, factor, spellings in _SPELLINGS
    for spelling in spellings.split()
}
PREFIXED = frozenset("€$£¥")
_ONE_LETTER_AMBIGUOUS = frozenset("smlghw")
"""Taken as a unit in exactly this case only: "5 m", not "5 M"."""


def unit_of(spelling: str) -> Unit | None:
    """Also of two joined by a stroke, as in `ng/ml`; None: not known as a unit."""
    folded = spelling.casefold()
    if folded in _ONE_LETTER_AMBIGUOUS and spelling != folded:
        return None
    if "/" in folded:
        over, _, under = folded.partition("/")
        above = UNITS.get(over) or Unit(over, 1.0)
        below = UNITS.get(under)
        return below and Unit(f"{above.dimension}/{below.dimension}", above.factor / below.factor)
    return UNITS.get(folded)
