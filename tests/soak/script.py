"""Who asks what: the same seed writes the same conversations."""

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

LONGEST = 12
_MEAN_LENGTH = 3.0
FOLLOW_UPS = (
    "Why is that?",
    "Tell me more about it.",
    "Which source says so?",
    "When was that?",
    "Who was involved in it?",
    "Is that always so?",
)
_FOLLOWING = 0.4
# Of questions that nobody asked before: one in so many, beginning with the n-th.
_PERSONAL, _FIRST_PERSONAL = 25, 3
_SECRET, _FIRST_SECRET = 60, 7
_WORD = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Talk:
    """A conversation that is to be held."""

    user: str
    questions: tuple[str, ...]


@dataclass
class Planter:
    """Makes up personal data and secrets that look real; `planted` are all of its values."""

    draw: random.Random
    planted: list[str] = field(default_factory=list)

    def personal(self) -> str:
        """A sentence that holds a value."""
        kinds: Sequence[tuple[str, Callable[[], str]]] = (
            ("Charge it to the card {}.", self._card),
            ("Send the answer to {}, please.", self._email),
            ("Call me on {} about it.", self._phone),
            ("The refund goes to the IBAN {}.", self._iban),
        )
        return self._filled(*self.draw.choice(kinds))

    def secret(self) -> str:
        kinds: Sequence[tuple[str, Callable[[], str]]] = (
            ("I call it with the key {}.", lambda: f"AKIA{self._of(_UPPER_32, 16)}"),
            ("My token for it is {}.", lambda: f"ghp_7{self._of(_WORD, 35)}"),
        )
        return self._filled(*self.draw.choice(kinds))

    def _filled(self, sentence: str, made: Callable[[], str]) -> str:
        value = made()
        self.planted.append(value)
        return sentence.format(value)

    def _card(self) -> str:
        digits = f"4{self._of(string.digits, 14)}"
        whole = digits + luhn(digits)
        return " ".join(whole[n : n + 4] for n in range(0, 16, 4))

    def _iban(self) -> str:
        """German; the check digits by ISO 7064, mod 97-10."""
        account = self._of(string.digits, 18)
        return f"DE{98 - int(f'{account}131400') % 97:02}{account}"

    def _email(self) -> str:
        return f"{self._of(string.ascii_lowercase, 7)}.{self._of(string.digits, 4)}@example.org"

    def _phone(self) -> str:
        """Of the numbers that Ofcom keeps for fiction."""
        return f"+44 20 7946 0{self._of(string.digits, 3)}"

    def _of(self, letters: str, count: int) -> str:
        return "".join(self.draw.choices(letters, k=count))


_UPPER_32 = string.ascii_uppercase + "234567"


def luhn(digits: str) -> str:
    """The check digit that goes behind them (ISO 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return str(-total % 10)


@dataclass
class Writer:
    """Writes the conversations of a tenant's users; `repeated` of them were held before."""

    questions: Sequence[str]
    repeated: float
    draw: random.Random
    planter: Planter
    _written: list[tuple[str, ...]] = field(default_factory=list)
    _count: int = 0

    def part(self, turns: int, users: Sequence[str]) -> list[Talk]:
        """Conversations of so many turns in all; the first user has the first one."""
        talks: list[Talk] = []
        while turns > 0:
            user = self.draw.choice(users) if talks else users[0]
            questions = self._conversation()[:turns]
            talks.append(Talk(user, questions))
            turns -= len(questions)
        return talks

    def _conversation(self) -> tuple[str, ...]:
        if self._written and self.draw.random() < self.repeated:
            return self.draw.choice(self._written)
        length = min(LONGEST, 1 + int(self.draw.expovariate(1 / _MEAN_LENGTH)))
        before = len(self.planter.planted)
        written = tuple(self._question(n) for n in range(length))
        # What is personal is asked by one person alone.
        if len(self.planter.planted) == before:
            self._written.append(written)
        return written

    def _question(self, place: int) -> str:
        if place and self.draw.random() < _FOLLOWING:
            return self.draw.choice(FOLLOW_UPS)
        question = self.draw.choice(self.questions)
        self._count += 1
        if self._count % _PERSONAL == _FIRST_PERSONAL:
            return f"{question} {self.planter.personal()}"
        if self._count % _SECRET == _FIRST_SECRET:
            return f"{question} {self.planter.secret()}"
        return question
