"""finetune_export's process."""

from services.finetune_export.bootstrap import bootstrap
from shared.lifecycle import run

if __name__ == "__main__":
    raise SystemExit(run("finetune_export", bootstrap))
