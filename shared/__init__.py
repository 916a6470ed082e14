"""What all five services are built with: messaging, model access, blobs, observability."""
