import msgspec

from leafhub.dialects.drogue.memory import Memory


class Record(msgspec.Struct, frozen=True, weakref=True):
    name: str


def test_what_is_kept_of_a_record_is_its_own() -> None:
    memory: Memory[str] = Memory()
    one, equal = Record("a"), Record("a")
    memory.put(one, "first")
    memory.put(one, "second")
    assert (memory.get(one), memory.get(equal), len(memory)) == ("second", None, 1)


def test_it_goes_with_its_record() -> None:
    memory: Memory[str] = Memory()
    kept = Record("kept")
    memory.put(kept, "kept")
    for number in range(1_000):
        record = Record(str(number))
        assert memory.get(record) is None  # though its id may be that of one before
        memory.put(record, "gone")
    del record
    assert (memory.get(kept), len(memory)) == ("kept", 1)
