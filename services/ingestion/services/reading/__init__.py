"""From a file's bytes to its text: plain text here, everything else in a child process."""
