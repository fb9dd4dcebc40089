"""Exit statuses of the command."""

DONE, FINDINGS, USAGE = 0, 1, 2
INTERRUPTED, UNREAD, TERMINATED = 128 + 2, 128 + 13, 128 + 15
