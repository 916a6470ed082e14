"""Documents offered on the queue, by hand or by S3: who may send them, and their rows."""
