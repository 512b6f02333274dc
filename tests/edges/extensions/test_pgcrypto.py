"""The stand-in for pgcrypto computes what the real one does, or says that it does not."""

from __future__ import annotations

import hashlib
import hmac
import random
import re
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.edges.extensions.conftest import Ask

HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
# Around the ends of blocks of 64 and 128 bytes, where padding begins another one.
LENGTHS = (0, 1, 55, 56, 63, 64, 65, 111, 112, 119, 120, 127, 128, 129, 500)


@pytest.fixture(scope="module", autouse=True)
def _created(ask: Ask) -> None:
    ask("create extension pgcrypto with schema extensions")


@pytest.mark.parametrize("algorithm", HASHES)
def test_digests_and_their_codes_are_the_true_ones(ask: Ask, algorithm: str) -> None:
    source = random.Random(1)  # noqa: S311 - the same bytes in each run
    for length in LENGTHS:
        data, key = source.randbytes(length), source.randbytes(length * 3 % 200)
        ((digest, code),) = ask(
            "select digest(%s::bytea, %s), hmac(%s::bytea, %s::bytea, %s)",
            *(data, algorithm.upper()),
            *(data, key, algorithm),
        )
        assert digest == hashlib.new(algorithm, data).digest()
        assert code == hmac.new(key, data, algorithm).digest()


def test_texts_are_taken_as_their_bytes(ask: Ask) -> None:
    ((digest, code),) = ask("select digest('Grüße', 'sha1'), hmac('Grüße', 'ключ', 'sha512')")
    assert digest == hashlib.sha1("Grüße".encode(), usedforsecurity=False).digest()
    assert code == hmac.new("ключ".encode(), "Grüße".encode(), "sha512").digest()
    assert ask("select digest(null::text, 'md5')") == [(None,)]


def test_an_algorithm_that_nobody_knows_is_refused_and_one_that_is_lacking_is_named(
    ask: Ask,
) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="No such hash algorithm"):
        ask("select digest('a', 'nope')")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="sha3-256 is not computed"):
        ask("select digest('a', 'sha3-256')")


@pytest.mark.parametrize(
    ("password", "salt", "expected"),
    [
        # Known vectors of crypt_blowfish and of PostgreSQL's own manual.
        (
            "U*U",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ),
        (
            "U*U*U",
            "$2a$05$XXXXXXXXXXXXXXXXXXXXXO",
            "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a",
        ),
        (
            "",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.",
            "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
        ),
        ("password", "$1$O3JMY.Tw$", "$1$O3JMY.Tw$AdLnLjQ/5jXF9.MTp3gHv/"),
    ],
)
def test_passwords_are_hashed_truly(ask: Ask, password: str, salt: str, expected: str) -> None:
    ((found,),) = ask("select crypt(%s, %s)", password, salt)
    assert found == expected
    assert ask("select crypt(%s, %s) = %s", password, expected, expected) == [(True,)]


def test_a_password_that_was_hashed_is_known_again(ask: Ask) -> None:
    ask("create temporary table who as select crypt('x', gen_salt('bf', 4)) as hash")
    assert ask("select hash = crypt('x', hash), hash = crypt('y', hash) from who") == [
        (True, False)
    ]


def test_salts_have_the_form_of_their_kind(ask: Ask) -> None:
    ((blowfish, stronger, md5),) = ask("select gen_salt('bf'), gen_salt('bf', 10), gen_salt('md5')")
    assert re.fullmatch(r"\$2a\$06\$[./A-Za-z0-9]{22}", str(blowfish))
    assert re.fullmatch(r"\$2a\$10\$[./A-Za-z0-9]{22}", str(stronger))
    assert re.fullmatch(r"\$1\$[./A-Za-z0-9]{8}", str(md5))
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="Incorrect number of rounds"):
        ask("select gen_salt('bf', 3)")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="Unknown salt algorithm"):
        ask("select gen_salt('bcrypt')")
    with pytest.raises(psycopg.errors.FeatureNotSupported, match="stand-in"):
        ask("select crypt('x', gen_salt('des'))")


def test_every_bit_of_the_random_bytes_is_random(ask: Ask) -> None:
    found = [
        bytes(one) for (one,) in ask("select gen_random_bytes(40) from generate_series(1, 64)")
    ]
    assert {len(one) for one in found} == {40}
    for at in range(40):
        ones = [any(one[at] >> bit & 1 for one in found) for bit in range(8)]
        zeros = [not all(one[at] >> bit & 1 for one in found) for bit in range(8)]
        assert all(ones)
        assert all(zeros)
    ((short, long),) = ask("select length(gen_random_bytes(1)), length(gen_random_bytes(1024))")
    assert (short, long) == (1, 1024)
    with pytest.raises(psycopg.errors.ExternalRoutineInvocationException, match="not in range"):
        ask("select gen_random_bytes(0)")


def test_it_works_wherever_it_is_put(
    ask: Ask, admin_of: Callable[[], psycopg.Connection[tuple[object, ...]]]
) -> None:
    ask("create schema elsewhere")
    with admin_of() as admin:
        admin.execute("alter extension pgcrypto set schema elsewhere")
    ask("set search_path = ''")
    ((code,),) = ask("select elsewhere.hmac('a', 'b', 'sha1')")
    assert code == hmac.new(b"b", b"a", "sha1").digest()
    ask("select elsewhere.crypt('x', elsewhere.gen_salt('bf', 4)), elsewhere.gen_random_uuid()")
    with admin_of() as admin:
        admin.execute("alter extension pgcrypto set schema extensions")
    ask("reset search_path; drop schema elsewhere")
