"""The report's sections, one a file: from what was found to sentences, tables and figures."""
