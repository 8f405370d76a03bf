"""Turn results into what people look at: terminal tables, Markdown, CSV, JSON, LaTeX and one HTML page."""
