import asyncio
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from both_loops import LOOPS
from client_certificates import FOR_SERVERS, Issued, authority, issue
from cryptography import x509
from http_endpoint import Endpoint, Says, serving

from leafhub.dialects.inquiry import Answer, Failure, HttpRequest
from leafhub.exchange.endpoints.asker import KEPT_CLIENTS, LONGEST_ANSWER_BYTES, HttpAsker


@pytest.fixture
async def asker() -> AsyncIterator[HttpAsker]:
    asker = HttpAsker()
    yield asker
    await asker.close()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with serving() as endpoint:
        yield endpoint


async def test_a_request_arrives_as_it_was_meant(asker: HttpAsker, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: Says(201, b"made", (("X-Two", "1"), ("X-Two", "2")))
    request = HttpRequest(
        method="PUT",
        url=f"{endpoint.url}/a%20b?c=d",
        headers=(("X-One", "1"), ("Content-Type", "text/plain")),
        body=b"\x00\xff",
    )
    answer = await asker.ask(request)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.body) == (201, b"made")
    assert [value for name, value in answer.headers if name == "x-two"] == ["1", "2"]
    (asked,) = endpoint.asked
    assert (asked.method, asked.target, asked.body) == ("PUT", "/a%20b?c=d", b"\x00\xff")
    assert asked.headers["x-one"] == "1"
    assert asked.headers["user-agent"] == "leafhub"
    assert asked.headers["accept-encoding"] == "identity"


async def test_a_redirection_is_an_answer(asker: HttpAsker, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: Says(307, headers=(("Location", f"{endpoint.url}/else"),))
    answer = await asker.ask(HttpRequest(url=endpoint.url))
    assert isinstance(answer, Answer)
    assert answer.status == 307
    assert len(endpoint.asked) == 1


async def test_no_more_is_read_than_an_answer_may_have(
    asker: HttpAsker, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: Says(200, bytes(LONGEST_ANSWER_BYTES))
    assert isinstance(await asker.ask(HttpRequest(url=endpoint.url)), Answer)
    endpoint.answer = lambda _: Says(200, bytes(LONGEST_ANSWER_BYTES + 1))
    failure = await asker.ask(HttpRequest(url=endpoint.url))
    assert isinstance(failure, Failure)
    assert "longer than" in failure.reason


async def test_an_answer_in_a_coding_nobody_asked_for_is_none(
    asker: HttpAsker, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda _: Says(200, b"x", (("Content-Encoding", "gzip"),))
    assert isinstance(await asker.ask(HttpRequest(url=endpoint.url)), Failure)


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(url="http://127.0.0.1:1"),
        HttpRequest(url="no-url"),
        HttpRequest(url="http://[::1"),
        HttpRequest(url="ftp://127.0.0.1"),
        HttpRequest(url="http://127.0.0.1:99999"),
        HttpRequest(url="http://127.0.0.1:0"),
        HttpRequest(url="http://nobody.invalid"),
        HttpRequest(url="http://127.0.0.1:1", headers=(("X", "a\r\nY: b"),)),
        HttpRequest(url="http://127.0.0.1:1", headers=(("X", "\u20ac"),)),
        HttpRequest(url="http://127.0.0.1:1", headers=(("X Y", "a"),)),
        HttpRequest(url="http://127.0.0.1:1", method="A B"),
        HttpRequest(url="https://127.0.0.1:1", certificates="no certificate"),
    ],
    ids=lambda one: f"{one.method} {one.url} {one.headers}",
)
async def test_what_cannot_be_asked_fails(asker: HttpAsker, request_: HttpRequest) -> None:
    failure = await asker.ask(request_)
    assert isinstance(failure, Failure)
    assert failure.reason


async def test_an_endpoint_that_is_no_http_server(asker: HttpAsker) -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert isinstance(await asker.ask(HttpRequest(url=f"http://127.0.0.1:{port}")), Failure)
    server.close()


@pytest.fixture
def certified(tmp_path: Path) -> tuple[Issued, ssl.SSLContext]:
    """An authority, and a server's context with a certificate of it for 127.0.0.1."""
    signer = authority("endpoints")
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    issued = issue("endpoint", by=signer, extensions=((address, False), FOR_SERVERS))
    pem = tmp_path / "endpoint.pem"
    pem.write_text(issued.pem + issued.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return signer, context


async def test_a_certificate_must_come_from_the_authorities_named(
    asker: HttpAsker, certified: tuple[Issued, ssl.SSLContext]
) -> None:
    signer, context = certified
    async with serving(context) as endpoint:
        refused = await asker.ask(HttpRequest(url=endpoint.url))
        assert isinstance(refused, Failure)
        assert "CERTIFICATE_VERIFY_FAILED" in refused.reason
        another = HttpRequest(url=endpoint.url, certificates=authority("others").pem)
        assert isinstance(await asker.ask(another), Failure)
        assert endpoint.asked == []
        assert isinstance(
            await asker.ask(HttpRequest(url=endpoint.url, certificates=signer.pem)), Answer
        )
        assert isinstance(await asker.ask(HttpRequest(url=endpoint.url, insecure=True)), Answer)
        assert isinstance(await asker.ask(HttpRequest(url=endpoint.url)), Failure)


async def test_idle_clients_of_many_options_do_not_stay(
    asker: HttpAsker, endpoint: Endpoint
) -> None:
    for number in range(KEPT_CLIENTS + 2):
        request = HttpRequest(url=endpoint.url, certificates=authority(f"{number}").pem)
        assert isinstance(await asker.ask(request), Answer)
    assert len(asker._clients) == KEPT_CLIENTS


async def test_a_question_that_is_given_up_takes_no_place(
    asker: HttpAsker, endpoint: Endpoint
) -> None:
    endpoint.is_open.clear()
    question = asyncio.create_task(asker.ask(HttpRequest(url=endpoint.url)))
    await endpoint.wait_for(1)
    question.cancel()
    await asyncio.gather(question, return_exceptions=True)
    assert [client.questions for client in asker._clients.values()] == [0]
    endpoint.is_open.set()
    assert isinstance(await asker.ask(HttpRequest(url=endpoint.url)), Answer)


@pytest.mark.parametrize("loop", LOOPS)
def test_both_event_loops(loop: str, certified: tuple[Issued, ssl.SSLContext]) -> None:
    signer, context = certified

    async def ask_each() -> None:
        asker = HttpAsker()
        async with serving() as plain, serving(context) as secure:
            secure.is_open.clear()
            answer = await asker.ask(HttpRequest(url=plain.url, body=b"1"))
            assert isinstance(answer, Answer)
            question = HttpRequest(url=secure.url, certificates=signer.pem)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await asker.ask(question)
            secure.is_open.set()
            assert isinstance(await asker.ask(question), Answer)
        await asker.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(ask_each())
