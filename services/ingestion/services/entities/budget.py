"""A document's cap on tokens, kept while several calls run."""

from dataclasses import dataclass


@dataclass
class Budget:
    """What a call may use at most is set aside before it begins, so the sum never passes `cap`."""

    cap: int
    used: int = 0
    set_aside: int = 0

    def reserve(self, most: int) -> bool:
        """False when there is no room for `most` tokens; then nothing is set aside."""
        if self.used + self.set_aside + most > self.cap:
            return False
        self.set_aside += most
        return True

    def settle(self, most: int, used: int) -> None:
        """Gives back what `reserve` set aside; `used` is the model's own count."""
        self.set_aside -= most
        self.used += used
