"""The release page and the board of releases: self-contained HTML, made from records alone."""
