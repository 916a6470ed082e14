"""What tokens cost: USD per million, by model id."""

from collections.abc import Mapping
from decimal import Decimal

_MILLION = Decimal(1_000_000)
Rate = tuple[Decimal, Decimal]

# (input, output), on-demand, us-east-1, aws.amazon.com/bedrock/pricing as of 2026. RAGOPS_PRICES
# adds and overrides. Nobody sends a bill for the local models, so they have no rate of their own;
# whoever wants to try budgets on a laptop gives them one.
RATES: Mapping[str, Rate] = {
    "amazon.titan-embed-text-v2:0": (Decimal("0.02"), Decimal(0)),
    "cohere.embed-english-v3": (Decimal("0.10"), Decimal(0)),
    "cohere.embed-multilingual-v3": (Decimal("0.10"), Decimal(0)),
    "cohere.embed-v4:0": (Decimal("0.12"), Decimal(0)),
    "amazon.nova-micro-v1:0": (Decimal("0.035"), Decimal("0.14")),
    "amazon.nova-lite-v1:0": (Decimal("0.06"), Decimal("0.24")),
    "amazon.nova-pro-v1:0": (Decimal("0.80"), Decimal("3.20")),
    "anthropic.claude-3-5-haiku-20241022-v1:0": (Decimal("0.80"), Decimal("4.00")),
    "anthropic.claude-sonnet-4-20250514-v1:0": (Decimal("3.00"), Decimal("15.00")),
    "local.minilm-l6-v2": (Decimal(0), Decimal(0)),
    "local.extractive-v1": (Decimal(0), Decimal(0)),
    # The model behind RAGOPS_LLM_URL, whatever it is.
    "local.llm-v1": (Decimal(0), Decimal(0)),
}
# Rerank is billed by query (of up to 100 passages), not by token.
RATES_PER_QUERY: Mapping[str, Decimal] = {
    "amazon.rerank-v1:0": Decimal("0.001"),
    "cohere.rerank-v3-5:0": Decimal("0.002"),
    "local.maxsim-v1": Decimal(0),
}


class PriceList:
    """An unknown model is an error at start, not a free one at the end of the month."""

    def __init__(self, changes: Mapping[str, Rate] | None = None) -> None:
        self._rates = {**RATES, **(changes or {})}

    def check(self, model: str) -> None:
        if foundation_model(model) not in self._rates:
            raise ValueError(f"no price for model {model!r}: add it to RAGOPS_PRICES")

    def check_query(self, model: str) -> None:
        """The same for a model that is billed by query."""
        if foundation_model(model) not in RATES_PER_QUERY:
            known = ", ".join(RATES_PER_QUERY)
            raise ValueError(f"no price for the reranker {model!r}: use one of {known}")

    def cost(self, model: str, input_tokens: int, output_tokens: int = 0) -> Decimal:
        rate_in, rate_out = self._rates[foundation_model(model)]
        return (rate_in * input_tokens + rate_out * output_tokens) / _MILLION

    def query_cost(self, model: str) -> Decimal:
        return RATES_PER_QUERY[foundation_model(model)]


def foundation_model(model: str) -> str:
    """The foundation model behind an ARN or a cross-region profile such as `us.amazon.…`."""
    name = model.rsplit("/", 1)[-1]
    area, _, rest = name.partition(".")
    return rest if area in ("us", "eu", "apac", "global") else name
