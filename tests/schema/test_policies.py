"""Policies are the same by what they do, whatever they are called and however they are spelt."""

from __future__ import annotations

import pytest

from shipway.schema.policies import does_the_same
from shipway.values.inspection import Thing

OWN = "(( SELECT auth.uid() AS uid) = owner)"


def _policy(name: str, using: str, to: str = "authenticated", **facts: str) -> Thing:
    told = {"for": "select", "to": to, "using": using} | facts
    return Thing("policy", "public.notes", name, tuple(told.items()))


@pytest.mark.parametrize(
    "using",
    [OWN, "(auth.uid() = owner)", "(owner = auth.uid())", "(owner = ( SELECT auth.uid() AS uid))"],
)
def test_another_name_and_another_spelling_are_no_other_policy(using: str) -> None:
    assert does_the_same(_policy("a", OWN), _policy("b", using))


@pytest.mark.parametrize(
    "other",
    [
        _policy("a", "(auth.uid() = payer)"),
        _policy("a", "(auth.uid() <> owner)"),
        _policy("a", "true"),
        _policy("a", OWN, to="anon, authenticated"),
        _policy("a", OWN, restrictive="yes"),
        _policy("a", OWN, check="true"),
        _policy("a", "((auth.uid() = owner) OR (a = b))"),
        _policy("a", "(( SELECT auth.jwt() AS jwt) = owner)"),
    ],
)
def test_another_effect_is_another_policy(other: Thing) -> None:
    assert not does_the_same(_policy("a", OWN), other)
