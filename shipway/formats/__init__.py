"""How values are written: as JSON, as signed files, as figures that people read."""
