"""finetune_export's settings."""

from shared.settings import Settings


class FinetuneExportSettings(Settings):
    archive_bucket: str = "ragops-archive"
