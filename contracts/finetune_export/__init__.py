"""Messages owned by finetune_export."""
