"""The deterministic set of migrations that every tool gets: realistic DDL, one table a file."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Step", "steps"]

_SQL = """\
CREATE TABLE public.{t} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,{parent}
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX {t}_name_idx ON public.{t} (name);
ALTER TABLE public.{t} ADD COLUMN note text;
ALTER TABLE public.{t} ENABLE ROW LEVEL SECURITY;
CREATE POLICY {t}_read ON public.{t} FOR SELECT USING (true);
CREATE FUNCTION public.{t}_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.created_at := now();
  RETURN NEW;
END
$$;
INSERT INTO public.{t} (name) VALUES ('a'), ('b'), ('c');
COMMENT ON TABLE public.{t} IS 'Table number {n}';
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One migration."""

    digits: str
    name: str
    sql: str


def steps(count: int) -> list[Step]:
    """Return the first so many migrations."""
    return [_step(n) for n in range(1, count + 1)]


def _step(n: int) -> Step:
    parent = f"\n  parent_id bigint REFERENCES public.t{n - 1:04} (id)," if n % 5 and n > 1 else ""
    sql = _SQL.format(t=f"t{n:04}", n=n, parent=parent)
    return Step(digits=f"{n:04}", name=f"add_t{n:04}", sql=sql)
