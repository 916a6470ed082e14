"""Numbers of a spreadsheet are told as they are shown."""

import pytest

from services.ingestion.services.reading.formats.office.number_formats import (
    BUILT_IN,
    general,
    shown,
)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (1067, "00000", "01067"),
        (0.125, "0.0%", "12.5%"),
        (0.3, "0%", "30%"),
        (1234.5, '#,##0.00 "EUR"', "1,234.50 EUR"),
        (12.5, "#,##0.00\\ [$kr-414]", "12.50 kr"),
        (12.5, "[$€-407] #,##0.00", "€ 12.50"),
        (1234.5, '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\)', "$1,234.50"),
        (-5.5, "#,##0.00;[Red]-#,##0.00", "-5.50"),
        (-5.5, "#,##0.00_);(#,##0.00)", "(5.50)"),
        (-3, "0", "-3"),
        (2.5, "0", "3"),
        (0, '0;-0;"none"', "none"),
        (0.5, "#.##", ".5"),
        (12.5, "0.0##", "12.5"),
        (1234567, '#,##0,"k"', "1,235k"),
        (1500000, "0.00E+00", "1.50E+06"),
        (1.5, "# ?/?", "1 1/2"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (5, 'General" kg"', "5 kg"),
        (45730, "yyyy-mm-dd", "2025-03-14"),
        (45730.75, "dd.mm.yyyy hh:mm", "14.03.2025 18:00"),
        (45730, "[$-409]dddd\\, mmmm d\\, yyyy", "Friday, March 14, 2025"),
        (0.0625, "h:mm AM/PM", "1:30 AM"),
        (1.25, "[h]:mm", "30:00"),
        (60, BUILT_IN[14], "1900-02-28"),
        (0, "0;-0;;@", ""),
        (-5, '0"a;b"', "-5a;b"),
        (-3.25, "[Red][<0]-0.0;[Green]+0.0", "-3.3"),
        (-3, "[<100]0.0;0", "-3.0"),
        (5551234, "[<=9999999]###-####;(###) ###-####", "555-1234"),
        (2125551234, "[<=9999999]###-####;(###) ###-####", "(212) 555-1234"),
        (1500, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "1.5K"),
    ],
)
def test_a_number_in_its_format(value: float, form: str, text: str) -> None:
    assert shown(value, form) == text


def test_a_date_since_1904() -> None:
    assert shown(44268, "yyyy-mm-dd", since_1904=True) == "2025-03-14"


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (7.0, "7"), (1e20, "1E+20"), (-2.5, "-2.5")]
)
def test_a_number_without_format(value: float, text: str) -> None:
    assert general(value) == text
