"""The stand-ins for uuid-ossp and pgjwt against Python's own values."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.edges.extensions.conftest import Ask

SINCE_1582_S = 12_219_292_800


@pytest.fixture(scope="module", autouse=True)
def _created(ask: Ask) -> None:
    ask('create extension "uuid-ossp" with schema extensions')
    ask("create extension pgjwt with schema extensions cascade")


@pytest.mark.parametrize("name", ["", "python.org", "Grüße", "x" * 300])
def test_uuids_of_names_are_the_true_ones(ask: Ask, name: str) -> None:
    ((third, fifth),) = ask(
        "select uuid_generate_v3(uuid_ns_dns(), %s), uuid_generate_v5(uuid_ns_url(), %s)",
        name,
        name,
    )
    assert third == uuid.uuid3(uuid.NAMESPACE_DNS, name)
    assert fifth == uuid.uuid5(uuid.NAMESPACE_URL, name)


def test_the_name_spaces_are_those_of_the_standard(ask: Ask) -> None:
    assert ask(
        "select uuid_ns_dns(), uuid_ns_url(), uuid_ns_oid(), uuid_ns_x500(), uuid_nil()"
    ) == [
        (
            *(uuid.NAMESPACE_DNS, uuid.NAMESPACE_URL, uuid.NAMESPACE_OID, uuid.NAMESPACE_X500),
            uuid.UUID(int=0),
        )
    ]


def test_uuids_of_time_tell_it_and_their_node(ask: Ask) -> None:
    before = time.time()
    found = ask("select uuid_generate_v1(), uuid_generate_v1mc() from generate_series(1, 20)")
    after = time.time()
    own = [uuid.UUID(str(one)) for one, _ in found]
    made_up = [uuid.UUID(str(one)) for _, one in found]
    for one in (*own, *made_up):
        assert (one.version, one.variant) == (1, uuid.RFC_4122)
        assert before - 1 < one.time / 1e7 - SINCE_1582_S < after + 1
        assert one.node >> 40 & 1  # no network card's
    assert len({one.node for one in own}) == 1
    assert len({one.node for one in made_up}) == len(made_up)
    assert len({*own, *made_up}) == len(own) + len(made_up)


def test_uuids_of_chance_differ(ask: Ask) -> None:
    found = {
        uuid.UUID(str(one))
        for (one,) in ask("select uuid_generate_v4() from generate_series(1, 50)")
    }
    assert {one.version for one in found} == {4}
    assert len(found) == 50


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize(("algorithm", "named"), [
    ("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512"),
])  # fmt: skip
def test_tokens_are_signed_and_verified_truly(ask: Ask, algorithm: str, named: str) -> None:
    payload = json.dumps({"sub": "Grüße " * 20})
    head = _encoded(b'{"alg":"%b","typ":"JWT"}' % algorithm.encode())
    signed = f"{head}.{_encoded(payload.encode())}"
    token = f"{signed}.{_encoded(hmac.new(b's', signed.encode(), named).digest())}"
    assert ask("select sign(%s::json, 's', %s)", payload, algorithm) == [(token,)]
    ((header, read, valid),) = ask("select * from verify(%s, 's', %s)", token, algorithm)
    assert (header, read, valid) == ({"alg": algorithm, "typ": "JWT"}, json.loads(payload), True)
    assert ask("select valid from verify(%s, 't', %s)", token, algorithm) == [(False,)]


def test_a_token_is_valid_in_its_time_alone(ask: Ask) -> None:
    for claims, valid in (({"exp": 1}, False), ({"nbf": 1}, True), ({"exp": 9999999999}, True)):
        ((found,),) = ask("select valid from verify(sign(%s::json, 's'), 's')", json.dumps(claims))
        assert found is valid


def test_bytes_of_any_length_travel_in_an_address(ask: Ask) -> None:
    for length in range(70):
        data = hashlib.shake_128(b"x").digest(length)
        assert ask("select url_encode(%s), url_decode(%s)", data, _encoded(data)) == [
            (_encoded(data), data)
        ]
