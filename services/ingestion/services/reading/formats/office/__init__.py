"""Office programs: their archives of XML, texts, slides and workbooks."""
