"""The loop behind all ports of the stand-ins."""

from __future__ import annotations

import threading

import httpx
import pytest

from shipway.sandbox.ports import Ports
from shipway.sandbox.wire import Request, Response
from tests.sandbox.conftest import visit


class Greeter:
    """A site that answers every request with its own name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def answer(self, request: Request) -> Response:
        return Response(body=f"{self._name} {request.path}".encode())


def test_hundreds_of_ports_can_be_opened_before_the_loop_runs() -> None:
    ports = Ports()
    opened = [ports.open(Greeter(str(number))) for number in range(400)]
    loop = threading.Thread(target=ports.run)
    loop.start()
    try:
        assert visit(f"http://127.0.0.1:{opened[0]}/a").text == "0 /a"
        assert visit(f"http://127.0.0.1:{opened[-1]}/b").text == "399 /b"
        ports.close(opened[0])
        late = ports.open(Greeter("late"))
        assert visit(f"http://127.0.0.1:{late}/").text == "late /"
        with pytest.raises(httpx.ConnectError):
            visit(f"http://127.0.0.1:{opened[0]}/")
    finally:
        ports.stop()
        loop.join()
    with pytest.raises(httpx.ConnectError):
        visit(f"http://127.0.0.1:{opened[-1]}/")


def test_a_wanted_port_is_had_when_it_is_free_and_replaced_when_it_is_not() -> None:
    ports = Ports()
    first = ports.open(Greeter("first"))
    second = ports.open(Greeter("second"), wanted=first)
    assert second != first
    ports.stop()
    ports.run()
    again = Ports()
    assert again.open(Greeter("again"), wanted=first) == first
    again.stop()
    again.run()
