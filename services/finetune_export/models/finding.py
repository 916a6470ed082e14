"""A stretch of text that must not reach a training set, and the classes of such stretches."""

from dataclasses import dataclass

# Described in docs/screening.md. A class that begins so drops the whole turn.
_DROPS = "secret."
CLASSES = (
    "name",
    "email",
    "phone",
    "address",
    "date_of_birth",
    "credit_card",
    "iban",
    "bank_account",
    "crypto_address",
    "national_id",
    "tax_id",
    "passport",
    "driving_licence",
    "health_id",
    "licence_plate",
    "device_id",
    "ip_address",
    "mac_address",
    "location",
    "username",
    "secret.aws_key",
    "secret.azure_key",
    "secret.google_key",
    "secret.github_token",
    "secret.gitlab_token",
    "secret.slack_token",
    "secret.stripe_key",
    "secret.openai_key",
    "secret.anthropic_key",
    "secret.api_key",
    "secret.jwt",
    "secret.private_key",
    "secret.connection_string",
    "secret.url_credentials",
    "secret.auth_header",
    "secret.webhook",
    "secret.password",
)


@dataclass(frozen=True, order=True)
class Finding:
    """`text[start:end]` is of the class `kind`, one of CLASSES."""

    start: int
    end: int
    kind: str

    @property
    def is_secret(self) -> bool:
        return self.kind.startswith(_DROPS)
