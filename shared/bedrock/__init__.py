"""Models behind Bedrock: converse, embed, rerank, each with its report."""

from shared.bedrock.conversing import Guardrail
from shared.bedrock.model import BedrockModel, open_model
from shared.bedrock.prices import PriceList

__all__ = ["BedrockModel", "Guardrail", "PriceList", "open_model"]
