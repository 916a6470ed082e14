"""finetune_export's settings."""

from pydantic import Field

from contracts.topology import ARCHIVE_BUCKET
from shared.settings import Settings


class FinetuneExportSettings(Settings):
    """Read from RAGOPS_* variables once, in bootstrap."""

    archive_bucket: str = Field(
        default=ARCHIVE_BUCKET, description="bucket of the archive, without the name prefix"
    )
