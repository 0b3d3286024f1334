"""What is proposed: one sentence of a file, and what a newer document says instead."""

import pytest

from revising import changes

CHANGED: list[tuple[str, str, list[tuple[str, str]]]] = [
    (
        "The monthly rent is 845 euros.",
        "The monthly rent is 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "The monthly rent is 845 euros, payable on the third working day.",
        "From 1 March 2025, the monthly rent is 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "The monthly rent is 845 euros.",
        "The rent letter.\n\nThe monthly rent is now €870.",
        [("845 euros", "870 euros")],
    ),
    (
        "The monthly rent is 845 euros.",
        "The monthly rent was raised from 845 euros to 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "The monthly rent is 845 euros.",
        "The monthly rent rises to 870 euros as of 1 April 2025.",
        [("845 euros", "870 euros")],
    ),
    (
        "The warranty covers 24 months.",
        "The warranty covers 36 months.",
        [("24 months", "36 months")],
    ),
    (
        "The warranty covers 24 months.",
        "The warranty covers three years.",
        [("24 months", "three years")],
    ),
    (
        "The chair of the board is Anna Berg.",
        "The chair of the board is Ben Cole.",
        [("Anna Berg", "Ben Cole")],
    ),
    (
        "Anna Berg is the chair of the board.",
        "Ben Cole is the chair of the board.",
        [("Anna Berg", "Ben Cole")],
    ),
    (
        "The chair of the board is Anna Berg.",
        "Ben Cole replaces Anna Berg as chair of the board.",
        [("Anna Berg", "Ben Cole")],
    ),
    (
        "The board is chaired by Anna Berg.",
        "The board is now chaired by Ben Cole.",
        [("Anna Berg", "Ben Cole")],
    ),
    (
        "The contract ends on 31 December 2025.",
        "The contract ends on 31 December 2027.",
        [("31 December 2025", "31 December 2027")],
    ),
    (
        "The contract ends on 2025-12-31.",
        "The contract ends on 31 December 2027.",
        [("2025-12-31", "31 December 2027")],
    ),
    ("The office opens at 8:30.", "The office opens at 9:00.", [("8:30", "9:00")]),
    (
        "Employees get 28 days of leave.",
        "Employees get 30 days of leave.",
        [("28 days", "30 days")],
    ),
    ("Contact person: Anna Berg", "Contact person: Ben Cole", [("Anna Berg", "Ben Cole")]),
    ("- Notice period: 3 months", "- Notice period: 6 months", [("3 months", "6 months")]),
    (
        "| Product | Price |\n| --- | --- |\n| Pump A | 1,870 euros |\n| Pump B | 2,100 euros |\n",
        "| Product | Price |\n| --- | --- |\n| Pump A | 1,950 euros |\n| Pump B | 2,100 euros |\n",
        [("1,870 euros", "1,950 euros")],
    ),
    (
        "| Product | Price |\n| --- | --- |\n| Pump A | 1,870 euros |\n| Pump B | 2,100 euros |\n",
        "The price of Pump A is 1,950 euros.",
        [("1,870 euros", "1,950 euros")],
    ),
    (
        "The rent is 845 euros and the deposit is 2,535 euros.",
        "The rent is 870 euros and the deposit is 2,610 euros.",
        [("845 euros", "870 euros"), ("2,535 euros", "2,610 euros")],
    ),
    (
        "From 1 January 2024 the monthly rent is 845 euros.",
        "From 1 March 2025 the monthly rent is 870 euros.",
        [("1 January 2024", "1 March 2025"), ("845 euros", "870 euros")],
    ),
    (
        "Die monatliche Miete beträgt 845 Euro.",
        "Ab 1. März 2025 beträgt die monatliche Miete 870 Euro.",
        [("845 Euro", "870 Euro")],
    ),
    (
        "Die monatliche Miete beträgt 845 Euro.",
        "Die monatliche Miete wurde von 845 Euro auf 870 Euro erhöht.",
        [("845 Euro", "870 Euro")],
    ),
    (
        "Die Kündigungsfrist beträgt 3 Monate.",
        "Die Kündigungsfrist beträgt 6 Monate.",
        [("3 Monate", "6 Monate")],
    ),
    (
        "Le loyer mensuel est de 845 euros.",
        "Le loyer mensuel est de 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "El alquiler mensual es de 845 euros.",
        "El alquiler mensual es de 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "De huur is 845 euro per maand.",
        "De huur is 870 euro per maand.",
        [("845 euro", "870 euro")],
    ),
    ("The maximum speed is 50 km/h.", "The maximum speed is 30 km/h.", [("50 km/h", "30 km/h")]),
    ("The team has 12 members.", "The team has 14 members.", [("12", "14")]),
    ("VAT is 19 %.", "VAT is 21 %.", [("19 %", "21 %")]),
    (
        "Revenue is 5 million euros.",
        "Revenue is 6 million euros.",
        [("5 million euros", "6 million euros")],
    ),
    (
        "The population is 3.4 million.",
        "The population is 3.6 million.",
        [("3.4 million", "3.6 million")],
    ),
    ("Contact person: Anna Berg", "The contact person is Ben Cole.", [("Anna Berg", "Ben Cole")]),
    (
        "The director is Dr. Anna Berg.",
        "The director is Dr. Ben Cole.",
        [("Dr. Anna Berg", "Dr. Ben Cole")],
    ),
    ("**Notice period:** 3 months", "**Notice period:** 6 months", [("3 months", "6 months")]),
    ("The maximum pressure is 5 bar.", "The maximum pressure is 6 bar.", [("5", "6")]),
    (
        "The deadline is 1 March 2025.",
        "The deadline is 15 April 2025.",
        [("1 March 2025", "15 April 2025")],
    ),
    (
        "The deadline is 1 March 2025.",
        "The deadline was moved to 15 April 2025.",
        [("1 March 2025", "15 April 2025")],
    ),
    (
        "The email of the office is a.berg@acme.org.",
        "The email of the office is b.cole@acme.org.",
        [("a.berg@acme.org", "b.cole@acme.org")],
    ),
    (
        "The phone number of the office is 555 1234.",
        "The phone number of the office is 555 9999.",
        [("555 1234", "555 9999")],
    ),
    (
        "Ansprechpartner Vertrieb: Anna Berg",
        "Ansprechpartner Vertrieb: Ben Cole",
        [("Anna Berg", "Ben Cole")],
    ),
    (
        "The course lasts 3 days and costs 450 euros.",
        "The course lasts 4 days and costs 520 euros.",
        [("3 days", "4 days"), ("450 euros", "520 euros")],
    ),
    ("The storage limit is 5 GB.", "The storage limit is 10 GB.", [("5 GB", "10 GB")]),
    ("The interest rate is 3.5 %.", "The interest rate is 4.25 %.", [("3.5 %", "4.25 %")]),
    ("The minimum wage is €12.41.", "The minimum wage is €12.82.", [("€12.41", "€12.82")]),
    (
        "La directrice est Anna Berg.",
        "La directrice est Marie Curie.",
        [("Anna Berg", "Marie Curie")],
    ),
    ("Il prezzo è di 1.870 euro.", "Il prezzo è di 1.950 euro.", [("1.870 euro", "1.950 euro")]),
    (
        "The café opens at 8 a.m. every day.",
        "The café opens at 9 a.m. every day.",
        [("8 a.m.", "9 a.m.")],
    ),
    ("The shop is open until 18:00.", "The shop is open until 20:00.", [("18:00", "20:00")]),
    (
        "product: Pump A; price: 1,870 euros; weight: 12 kg\n"
        "product: Pump B; price: 2,000 euros; weight: 14 kg",
        "product: Pump A; price: 1,950 euros; weight: 12 kg\n"
        "product: Pump B; price: 2,000 euros; weight: 14 kg",
        [("1,870 euros", "1,950 euros")],
    ),
    ("家賃は月額80000円です。", "家賃は月額90000円です。", [("80000", "90000")]),
    (
        "Our managing director is Jane Porter.",
        "The new managing director is Tom Hale.",
        [("Jane Porter", "Tom Hale")],
    ),
    (
        "Unser Geschäftsführer ist Hans Weber.",
        "Der neue Geschäftsführer ist Karl Lang.",
        [("Hans Weber", "Karl Lang")],
    ),
    (
        "Minimum order: 500 euros",
        "Effective immediately, the minimum order is 400 euros.",
        [("500 euros", "400 euros")],
    ),
    (
        "The canteen closes at 14:00.",
        "Starting next month, the canteen closes at 15:00.",
        [("14:00", "15:00")],
    ),
    (
        "The monthly rent is 845 euros.",
        "From 1 March 2025 the monthly rent will be 870 euros.",
        [("845 euros", "870 euros")],
    ),
    (
        "Das Parken kostet 4 Euro pro Tag.",
        "Ab sofort kostet das Parken 5 Euro pro Tag.",
        [("4 Euro", "5 Euro")],
    ),
    (
        "| Role | Name |\n| --- | --- |\n| Payroll | Ann Lee |\n| Support | Raj Patel |",
        "| Role | Name |\n| --- | --- |\n| Payroll | Bob Ray |\n| Support | Raj Patel |",
        [("Ann Lee", "Bob Ray")],
    ),
    (
        "Jane Porter is CEO of Acme.",
        "Tom Hale is CEO of Acme.",
        [("Jane Porter", "Tom Hale")],
    ),
    (
        "Jane Porter leads the sales department.",
        "Tom Hale leads the sales department.",
        [("Jane Porter", "Tom Hale")],
    ),
    (
        "The supplier of the valves is Acme Ltd.",
        "The supplier of the valves is Bolt GmbH.",
        [("Acme Ltd.", "Bolt GmbH")],
    ),
    ("The project ends in 2026.", "The project ends in 2027.", [("2026", "2027")]),
    (
        "As you know, the monthly rent is 845 euros.",
        "The monthly rent is 870 euros from 1 April 2025.",
        [("845 euros", "870 euros")],
    ),
    ("Please note that the office opens at 9:00.", "The office opens at 8:30.", [("9:00", "8:30")]),
    (
        "The membership fee is 40 euros a year and the deposit is 20 euros.",
        "The deposit is 25 euros.",
        [("20 euros", "25 euros")],
    ),
    (
        "The membership fee is 40 euros a year and the deposit is 20 euros.",
        "The membership fee is 45 euros a year.",
        [("40 euros", "45 euros")],
    ),
    ("The pool closes at 20:00.", "Since July, the pool closes at 21:00.", [("20:00", "21:00")]),
    (
        "The hourly rate is 45 euros.",
        "We are pleased to inform you that the hourly rate is 52 euros.",
        [("45 euros", "52 euros")],
    ),
    (
        "The hourly rate is 45 euros.",
        "Dear members,\nwe would like to tell you that from 1 May 2025 the hourly rate will be 52 euros.",
        [("45 euros", "52 euros")],
    ),
    (
        "Wie Sie wissen, beträgt die Miete 845 Euro.",
        "Die Miete beträgt 870 Euro.",
        [("845 Euro", "870 Euro")],
    ),
    (
        "Die Kaution beträgt 500 Euro und die Miete beträgt 845 Euro.",
        "Ab 1. April 2025 beträgt die Miete 870 Euro.",
        [("845 Euro", "870 Euro")],
    ),
    (
        "The caretaker is Ben Cole; the chair of the board is Anna Berg.",
        "The chair of the board is now Carla Diaz.",
        [("Anna Berg", "Carla Diaz")],
    ),
    (
        "The course lasts 6 weeks, and the fee is 300 euros.",
        "The fee is 320 euros.",
        [("300 euros", "320 euros")],
    ),
    (
        "For your information, the next meeting is on 12 May 2025.",
        "The next meeting is on 19 May 2025.",
        [("12 May 2025", "19 May 2025")],
    ),
    (
        "The parking fee is 3 euros an hour.",
        "Note: the parking fee is 4 euros an hour.",
        [("3 euros", "4 euros")],
    ),
    (
        "You can reach us at 030 123456.",
        "You can now reach us at 030 654321.",
        [("030 123456", "030 654321")],
    ),
    (
        "Our new address for invoices is billing@old.example.",
        "The address for invoices is billing@new.example.",
        [("billing@old.example", "billing@new.example")],
    ),
]


@pytest.mark.parametrize(("old", "newer", "expected"), CHANGED)
def test_a_newer_value_of_the_same_is_proposed(
    old: str, newer: str, expected: list[tuple[str, str]]
) -> None:
    assert changes(old, newer) == expected
