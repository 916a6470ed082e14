"""A text in plain spelling, place by place the same."""

from dataclasses import dataclass

# Other ways to write a space, a hyphen, a quotation mark, a digit and the signs of addresses.
_PLAIN = {
    **dict.fromkeys((0xA0, 0x2007, 0x2008, 0x2009, 0x200A, 0x202F, 0x3000), " "),
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212, 0xFF0D), "-"),
    **dict.fromkeys((0x201C, 0x201D, 0x201E, 0xAB, 0xBB), '"'),
    **dict.fromkeys((0x2018, 0x2019, 0x201A), "'"),
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    0xFF20: "@",
    0xFE6B: "@",
    0xFF0E: ".",
    0xFF1A: ":",
    0xFF0B: "+",
    0xFF1D: "=",
}


@dataclass(frozen=True)
class Text:
    """A text with plain spaces and signs, and its lower case: each as long as the original."""

    text: str
    lowered: str

    @classmethod
    def of(cls, text: str) -> "Text":
        text = text.translate(_PLAIN)
        lowered = text.lower()
        if len(lowered) != len(text):
            lowered = "".join(low if len(low := c.lower()) == 1 else c for c in text)
        return cls(text, lowered)
