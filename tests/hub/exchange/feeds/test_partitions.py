from collections import Counter

from hand_exchange import event
from hypothesis import given
from hypothesis import strategies as st

from leafhub.exchange.feeds.partitions import PARTITIONS, Partition, partition_of, shared_out

READERS = st.sampled_from("abcdefg")


@given(
    owners=st.lists(st.none() | READERS, min_size=1, max_size=PARTITIONS),
    readers=st.lists(READERS, min_size=1, unique=True),
)
def test_shares_are_even_and_readers_keep_as_much_as_that_allows(
    owners: list[str | None], readers: list[str]
) -> None:
    shared = shared_out(owners, readers)
    assert len(shared) == len(owners)
    counts = Counter(shared)
    assert counts.keys() <= set(readers)
    sizes = [counts[reader] for reader in readers]
    assert max(sizes) - min(sizes) <= 1
    for reader in readers:
        before = owners.count(reader)
        kept = sum(then == now == reader for then, now in zip(owners, shared, strict=True))
        assert kept == min(before, counts[reader])


def test_events_of_one_sender_are_in_one_partition_and_senders_in_many() -> None:
    senders = [f"board-{number}" for number in range(1_000)]
    found = {partition_of(event("e", sender, channel)) for sender in senders for channel in "ab"}
    assert found == set(range(PARTITIONS))
    assert partition_of(event("e1", "board", "a")) == partition_of(event("e2", "board", "b"))


def test_the_partition_of_a_sender_stays_over_restarts() -> None:
    assert [partition_of(event("e", one)) for one in ("dev1", "gw1", "")] == [9, 28, 0]


def test_a_partition_is_done_up_to_the_oldest_that_is_open() -> None:
    partition: Partition[str] = Partition(5)
    partition.give(7)
    partition.give(9)
    partition.pass_by(12)
    assert (partition.done, partition.given) == (5, 12)
    partition.settle(7)
    assert partition.done == 7
    partition.settle(9)
    assert partition.done == 12


def test_what_was_not_done_comes_again_for_the_next_owner() -> None:
    partition: Partition[str] = Partition(5)
    partition.give(7)
    partition.heir = "next"
    partition.hand_over()
    assert (partition.owner, partition.given, partition.open) == ("next", 5, 0)
