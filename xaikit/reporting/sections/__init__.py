"""The sections of a report, one per file, as sentences, tables and figures."""
