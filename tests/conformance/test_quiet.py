"""``expect_nothing`` sees whatever comes, however soon it looks; all other cases rest on that."""

import pytest
from raw_mqtt import OpenClient, RawClient
from whole_hub import RunningHub
from worlds import CLOUDPLUGS, DROGUE, MURANO, THING_A, THING_B, TOKEN_1

TIMES = 10


@pytest.fixture
def documents() -> tuple[str, ...]:
    return (DROGUE, CLOUDPLUGS, MURANO)


async def sees_something(client: RawClient) -> bool:
    try:
        await client.expect_nothing()
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_record_of_another_client(open_client: OpenClient, qos: int) -> None:
    a = await open_client(server_name="127.0.0.1")
    await a.connect("a", THING_A, "authA")
    for _ in range(TIMES):
        b = await open_client()
        await b.connect("b", THING_B, "authB")
        await b.subscribe("+/data/#")
        await a.publish("data/t", '{"data":1}', qos=qos)
        assert await sees_something(b)
        await b.close()


async def test_a_message_of_its_own(open_client: OpenClient) -> None:
    for _ in range(TIMES):
        client = await open_client(server_name="tconn.m2.hub.test")
        await client.connect("", "", TOKEN_1)
        await client.subscribe("my/topic")
        await client.publish("my/topic", "1", qos=0)
        assert await sees_something(client)


async def test_a_command(hub: RunningHub, open_client: OpenClient) -> None:
    for _ in range(TIMES):
        client = await open_client()
        await client.connect("", "dev1@plant-a", "pw1")
        await client.subscribe("command/inbox/#")
        await hub.command("plant-a", "dev1", "set", 1)
        assert await sees_something(client)


async def test_the_news_of_a_connection_that_was_cut(
    open_client: OpenClient, feed: RawClient
) -> None:
    client = await open_client()
    await client.connect("", "dev1@plant-a", "pw1")
    await feed.expect_nothing()  # of what was before the subscription
    assert await feed.subscribe("app/plant-a", qos=0) == [0]
    await client.close()
    assert await sees_something(feed)
