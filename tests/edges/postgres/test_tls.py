"""TLS with a verified certificate, and what is said where it cannot be verified.

The embedded server is built without OpenSSL, so an end of TLS stands in front of it here: it
answers a client's request for encryption as Postgres does and passes on what it deciphers.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
import trustme

from shipway.edges.postgres.connection import connect
from shipway.errors import Refused
from shipway.values.basics import Secret
from tests.fixtures.migrating import labels, run, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import DatabaseServer

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


@contextmanager
def tls_end(server_port: int, certificate: trustme.LeafCert) -> Iterator[int]:
    """Listen with a certificate in front of a server; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        # A client that does not like the certificate leaves in the midst of it.
        with suppress(OSError), client:
            assert client.recv(8) == SSL_REQUEST
            client.sendall(b"S")
            with (
                context.wrap_socket(client, server_side=True) as inside,
                socket.create_connection(("127.0.0.1", server_port)) as server,
            ):
                back = threading.Thread(target=pass_on, args=(server, inside), daemon=True)
                back.start()
                pass_on(inside, server)
                back.join(10)

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(1 << 16):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def root(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the certificate of the authority that signs the server's."""
    path = tmp_path_factory.mktemp("root") / "our root.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def url_by(url: Secret, port: int, root: Path, mode: str = "verify-full") -> Secret:
    """Return the URL by way of the TLS end, as `localhost`."""
    before, _, after = url.reveal().rpartition("@")
    options = f"sslmode={mode}&sslrootcert={quote(str(root), safe='')}&gssencmode=disable"
    return Secret(f"{before}@localhost:{port}/{after.partition('/')[2]}?{options}")


def test_migrations_run_over_a_verified_connection(
    server: DatabaseServer, database_url: Secret, authority: trustme.CA, root: Path, tmp_path: Path
) -> None:
    with tls_end(server.port, authority.issue_cert("localhost")) as port:
        url = url_by(database_url, port, root)
        with connect(url, purpose="test", timeout_s=5) as connection:
            assert connection.pgconn.ssl_in_use
        files = {f"00{n}_t.sql": f"CREATE TABLE t{n} (a text);" for n in (1, 2, 3)}
        run(url, write(tmp_path / "files", files))
    assert labels(database_url) == ["001_t", "002_t", "003_t"]


def test_a_certificate_of_an_unknown_authority_is_refused_with_its_cure(
    server: DatabaseServer, database_url: Secret, root: Path
) -> None:
    with (
        tls_end(server.port, trustme.CA().issue_cert("localhost")) as port,
        pytest.raises(Refused, match="a certificate that cannot be verified") as caught,
    ):
        connect(url_by(database_url, port, root), purpose="test", timeout_s=5)
    assert "sslrootcert" in caught.value.next_step
    assert "verify-full needs both" in caught.value.next_step


def test_a_certificate_of_another_host_is_refused_with_its_cure(
    server: DatabaseServer, database_url: Secret, authority: trustme.CA, root: Path
) -> None:
    certificate = authority.issue_cert("db.example.test")
    with tls_end(server.port, certificate) as port:
        with pytest.raises(Refused, match=r'another host: .*"db\.example\.test"') as caught:
            connect(url_by(database_url, port, root), purpose="test", timeout_s=5)
        assert "as the certificate has it" in caught.value.next_step
        connect(url_by(database_url, port, root, "verify-ca"), purpose="test", timeout_s=5).close()


def test_a_root_file_that_is_not_there_is_named(
    server: DatabaseServer, database_url: Secret, authority: trustme.CA, tmp_path: Path
) -> None:
    with (
        tls_end(server.port, authority.issue_cert("localhost")) as port,
        pytest.raises(Refused, match=r"nowhere\.pem") as caught,
    ):
        connect(url_by(database_url, port, tmp_path / "nowhere.pem"), purpose="test", timeout_s=5)
    assert "sslrootcert" in caught.value.next_step


def test_a_server_without_tls_is_refused_where_it_must_be_verified(
    server: DatabaseServer, database_url: Secret, root: Path
) -> None:
    with pytest.raises(Refused, match="does not speak TLS"):
        connect(url_by(database_url, server.port, root), purpose="test", timeout_s=5)
