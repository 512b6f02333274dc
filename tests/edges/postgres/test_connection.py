"""Connections to Postgres: what is accepted, what is refused, and that no secret is told."""

from __future__ import annotations

import socket
import threading
import traceback
from typing import TYPE_CHECKING

import pytest

from shipway.edges.postgres.connection import (
    connect,
    is_local,
    place_of,
    project_ref_of,
)
from shipway.edges.postgres.connection_errors import hide
from shipway.errors import Misconfigured, Refused, Stopped
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from tests.conftest import DatabaseServer

REF = "abcdefghijklmnopqrst"
PASSWORD = "hunter2-very-secret"


def refusal(url: str) -> Stopped:
    with pytest.raises(Stopped) as caught:
        connect(Secret(url), purpose="test", timeout_s=2)
    shown = "".join(traceback.format_exception(caught.value)) + caught.value.next_step
    assert PASSWORD not in shown
    assert caught.value.__context__ is None
    return caught.value


def test_a_connection_is_in_autocommit_and_says_what_it_is_for(database_url: Secret) -> None:
    with connect(database_url, purpose="doctor", timeout_s=5) as connection:
        row = connection.execute(
            "SELECT application_name, current_setting('client_encoding') "
            "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert row == ("shipway doctor", "UTF8")
        assert connection.autocommit
        assert connection.prepare_threshold is None


@pytest.mark.parametrize("url", [None, Secret("")])
def test_a_missing_url_is_refused_by_its_name(url: Secret | None) -> None:
    with pytest.raises(Misconfigured, match="DATABASE_URL is not set"):
        connect(url, purpose="test", timeout_s=1)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"mysql://u:{PASSWORD}@h/db", "does not begin with postgresql://"),
        (f"host=h password={PASSWORD}", "does not begin with postgresql://"),
        (f"postgresql://u:x/{PASSWORD}@h/db", "percent-encoded"),
        (f"postgresql://u:x@{PASSWORD}@h/db", "percent-encoded"),
        (f"postgresql://u:{PASSWORD}%zz@h/db", "a plain % is %25"),
        (f"postgresql://u:{PASSWORD}@h:99999/db", "the port is no number"),
        (f"postgresql://u:{PASSWORD}@h:five/db", "the port is no number"),
        (f"postgresql://u:{PASSWORD}@h/db?colour=red", "a parameter after the ?"),
        (f"postgresql://u:{PASSWORD}@[::1/db", "cannot be read"),
    ],
)
def test_an_ill_formed_url_is_refused_without_quoting_it(url: str, said: str) -> None:
    stopped = refusal(url)
    assert isinstance(stopped, Misconfigured)
    assert said in stopped.what


def test_a_wrong_password_is_refused_after_one_attempt(
    server: DatabaseServer, database: str
) -> None:
    stopped = refusal(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{server.port}/{database}")
    assert isinstance(stopped, Refused)
    assert "refused the password" in stopped.what
    assert "tried once" in stopped.next_step


def test_a_database_that_is_not_there_is_named(server: DatabaseServer) -> None:
    url = server.url("no_such_database")
    with pytest.raises(Refused, match="has no database of that name"):
        connect(url, purpose="test", timeout_s=2)


def test_a_host_that_does_not_resolve_is_named() -> None:
    assert "cannot be resolved" in refusal(f"postgresql://u:{PASSWORD}@no.such.invalid/db").what


def test_a_closed_port_is_a_refused_connection() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        assert (
            "refused the connection"
            in refusal(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d").what
        )


def test_a_host_that_never_answers_is_given_up_at_the_deadline() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        stopped = refusal(f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d")
    assert "did not answer in time" in stopped.what


def answers_with(text: str) -> str:
    """Serve one connection that is refused in the server's own protocol; return the URL."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as client:
            client.recv(1024)
            body = b"SFATAL\0CXX000\0M" + text.encode() + b"\0\0"
            client.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)

    threading.Thread(target=serve, daemon=True).start()
    port = listener.getsockname()[1]
    return f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d?sslmode=disable"


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("Tenant or user not found", "session pooler's address"),
        ("(ENOTFOUND) tenant/user postgres.x not found", "session pooler's address"),
        ("(ENOIDENTIFIER) no tenant identifier provided", "postgres.<project ref>"),
        ("MaxClientsInSessionMode: max clients reached", "pool size"),
        ("Max client connections reached", "pool size"),
        ("Address not in tenant allow_list: {1,2,3}", "Network Restrictions"),
        ("unsupported startup parameter: options", "port 5432"),
        ("SCRAM authentication failed: Wrong password", "tried once"),
        ("something nobody has seen before", "invoke doctor"),
    ],
)
def test_each_message_of_the_pooler_comes_with_its_cure(text: str, cure: str) -> None:
    stopped = refusal(answers_with(text))
    assert text in stopped.what
    assert cure in stopped.next_step


def test_tls_is_required_of_a_host_that_is_not_this_machine() -> None:
    # 0.0.0.0 leads here, as far as Linux is concerned, and is no loopback address by its name.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        heard: list[bytes] = []

        def decline_tls() -> None:
            with listener.accept()[0] as client:
                heard.append(client.recv(8))
                client.sendall(b"N")
                heard.append(client.recv(1024))

        server = threading.Thread(target=decline_tls)
        server.start()
        stopped = refusal(f"postgresql://u:{PASSWORD}@0.0.0.0:{listener.getsockname()[1]}/d")
        server.join(5)
    assert "does not speak TLS" in stopped.what
    assert heard == [b"\0\0\0\x08\x04\xd2\x16\x2f", b""], "nothing but the request for TLS"


@pytest.mark.parametrize(
    ("url", "ref"),
    [
        (f"postgresql://postgres:x@db.{REF}.supabase.co:5432/postgres", REF),
        (f"postgresql://postgres.{REF}:x@aws-0-eu-central-1.pooler.supabase.com/postgres", REF),
        ("postgresql://postgres:x@localhost/postgres", None),
        ("postgresql://first.last:x@localhost/postgres", None),
    ],
)
def test_the_project_is_read_from_the_host_or_the_user(url: str, ref: str | None) -> None:
    assert project_ref_of(Secret(url)) == ref


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.8.9.1", True), ("[::1]", True), ("", True), ("10.0.0.1", False)],
)
def test_this_machine_is_told_from_others(host: str, local: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_local(Secret(f"postgresql://u:p@{host}/db")) is local


def test_the_password_is_no_part_of_the_place_and_hidden_in_every_form() -> None:
    assert place_of(Secret("postgresql://u:a%20b%2Fc@db.test:5433/app")) == "db.test:5433/app"
    assert hide("got a b/c and a%20b%2Fc and a%20b/c", Secret("a b/c")) == (
        "got (hidden) and (hidden) and (hidden)"
    )
