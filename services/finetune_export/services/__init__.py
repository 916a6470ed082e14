"""What finetune_export does: archive."""
