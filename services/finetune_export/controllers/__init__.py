"""One file for each message that finetune_export handles."""
