"""What models cost: one dated table by model and region, USD per million tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Self

from shared.settings import Settings

_MILLION = Decimal(1_000_000)
ANYWHERE = ""


@dataclass(frozen=True, slots=True)
class Rates:
    """USD per million tokens of each class."""

    input: Decimal
    output: Decimal = Decimal(0)
    cache_read: Decimal = Decimal(0)
    cache_write: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs in a region from a day on, until a later row of the two."""

    model: str
    region: str
    since: date
    rates: Rates


def _row(model: str, *rates: str, region: str = ANYWHERE, since: date = date(2026, 1, 1)) -> Price:
    return Price(model, region, since, Rates(*(Decimal(rate) for rate in rates)))


# On-demand prices, aws.amazon.com/bedrock/pricing as of 2026: input, output, cache read, cache
# write. A row without a region is us-east-1's and stands for every region without a row of its
# own. RAGOPS_PRICES adds models and overrides rows. Nobody sends a bill for the local models;
# whoever wants to try budgets on a laptop gives them a price.
PRICES: tuple[Price, ...] = (
    _row("amazon.titan-embed-text-v2:0", "0.02"),
    _row("cohere.embed-english-v3", "0.10"),
    _row("cohere.embed-multilingual-v3", "0.10"),
    _row("cohere.embed-v4:0", "0.12"),
    # Nova: reading from the cache costs a quarter, writing to it nothing beside the input.
    _row("amazon.nova-micro-v1:0", "0.035", "0.14", "0.00875", "0.035"),
    _row("amazon.nova-lite-v1:0", "0.06", "0.24", "0.015", "0.06"),
    _row("amazon.nova-pro-v1:0", "0.80", "3.20", "0.20", "0.80"),
    # Claude: reading costs a tenth, writing five quarters of the input.
    _row("anthropic.claude-3-5-haiku-20241022-v1:0", "0.80", "4.00", "0.08", "1.00"),
    _row("anthropic.claude-sonnet-4-20250514-v1:0", "3.00", "15.00", "0.30", "3.75"),
    _row("local.minilm-l6-v2", "0"),
    _row("local.extractive-v1", "0"),
    # The model behind RAGOPS_LLM_URL, whatever it is.
    _row("local.llm-v1", "0"),
)
# Rerank is billed by query (of up to 100 passages), not by token.
RATES_PER_QUERY: Mapping[str, Decimal] = {
    "amazon.rerank-v1:0": Decimal("0.001"),
    "cohere.rerank-v3-5:0": Decimal("0.002"),
    "local.maxsim-v1": Decimal(0),
}
# RAGOPS_PRICES: two to four numbers, as in `Rates`.
Changes = Mapping[str, tuple[Decimal, ...]]


class PriceList:
    """An unknown model is an error at start, not a free one at the end of the month."""

    def __init__(
        self, changes: Changes | None = None, region: str = ANYWHERE, day: date | None = None
    ) -> None:
        """The prices of `region` on `day` (None: the newest)."""
        rows = [row for row in PRICES if row.region in (ANYWHERE, region)]
        rows = [row for row in rows if day is None or row.since <= day]
        # The region's own rows come last, and of them the newest.
        rows.sort(key=lambda row: (row.region, row.since))
        self._rates = {row.model: row.rates for row in rows}
        self._rates |= {name: Rates(*numbers) for name, numbers in (changes or {}).items()}

    @classmethod
    def of_today(cls, settings: Settings) -> Self:
        return cls(settings.prices, settings.aws_region, datetime.now(UTC).date())

    def has(self, model: str) -> bool:
        return foundation_model(model) in self._rates

    def check(self, *models: str) -> None:
        for model in models:
            if not self.has(model):
                raise ValueError(f"no price for model {model!r}: add it to RAGOPS_PRICES")

    def check_query(self, model: str) -> None:
        """The same for a model that is billed by query."""
        if foundation_model(model) not in RATES_PER_QUERY:
            known = ", ".join(RATES_PER_QUERY)
            raise ValueError(f"no price for the reranker {model!r}: use one of {known}")

    def checked(self, models: Iterable[str | None], reranker: str | None) -> Self:
        """Raises ValueError for a model without a price: its answers would be free."""
        for name in filter(None, models):
            self.check(name)
        if reranker:
            self.check_query(reranker)
        return self

    def cost(
        self,
        model: str,
        input_tokens: int,
        output_tokens: int = 0,
        cache_read_tokens: int = 0,
        cache_write_tokens: int = 0,
    ) -> Decimal:
        """USD. The classes do not overlap."""
        rates = self._rates[foundation_model(model)]
        whole = (
            rates.input * input_tokens
            + rates.output * output_tokens
            + rates.cache_read * cache_read_tokens
            + rates.cache_write * cache_write_tokens
        )
        return whole / _MILLION

    def query_cost(self, model: str) -> Decimal:
        return RATES_PER_QUERY[foundation_model(model)]


def called(model: str) -> str:
    """By which id it is called: a tuned model is named `<base model>@<its deployment's ARN>`."""
    return model.partition("@")[2] or model


def foundation_model(model: str) -> str:
    """The foundation model behind an ARN, a tuned model, or a profile such as `us.amazon.…`."""
    name = model.partition("@")[0].rsplit("/", 1)[-1]
    area, _, rest = name.partition(".")
    return rest if area in ("us", "eu", "apac", "global") else name
