"""What an explainer returns: frozen tables of results with their uncertainty and cost."""
