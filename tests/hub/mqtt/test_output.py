"""What is put out: in the client's version, no longer than it takes, with a reason if it may."""

import pytest

from leafhub.mqtt.codec import encode_packet
from leafhub.mqtt.output import Answer, Output
from leafhub.mqtt.packets import Connack, Connect, Pingresp, Puback, Publish, Suback
from leafhub.mqtt.properties import Properties
from leafhub.mqtt.reason_codes import ReasonCode

REASON = Properties(reason_string="because")
ANSWERS: list[Answer] = [
    Puback(1, ReasonCode.NOT_AUTHORIZED, REASON),
    Suback(1, (ReasonCode.NOT_AUTHORIZED,), REASON),
    Connack(session_present=False, reason_code=ReasonCode.NOT_AUTHORIZED, properties=REASON),
]


def output(level: int = 5, **wishes: int | bool) -> Output:
    made = Output()
    made.suit(Connect(protocol_level=level, properties=Properties(**wishes)))  # type: ignore[arg-type]  # one by one they fit
    return made


@pytest.mark.spec("MQTT-3.1.2-24")
@pytest.mark.parametrize("spare", [-1, 0])
def test_a_packet_has_to_fit(spare: int) -> None:
    publish = Publish("t", bytes(300))
    size = len(encode_packet(publish, 5))
    made = output(maximum_packet_size=size + spare)
    assert made.write(publish) is (spare == 0)
    assert made.unwritten_bytes == (size if spare == 0 else 0)
    assert len(made.take()) == (size if spare == 0 else 0)
    assert made.unwritten_bytes == 0


def test_a_limit_in_3_1_1_is_none() -> None:
    made = output(4, maximum_packet_size=1)
    assert made.write(Pingresp())


@pytest.mark.spec("MQTT-3.1.2-29")
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_reason_is_told_to_who_wants_it(answer: Answer) -> None:
    wanted, unwanted = output(), output(request_problem_information=False)
    assert wanted.write_answer(answer)
    assert wanted.take() == encode_packet(answer, 5)
    assert unwanted.write_answer(answer)
    assert (b"because" in unwanted.take()) is isinstance(answer, Connack)


@pytest.mark.spec("MQTT-3.2.2-19")
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_reason_that_is_too_long_is_left_out(answer: Answer) -> None:
    made = output(maximum_packet_size=len(encode_packet(answer, 5)) - 1)
    assert made.write_answer(answer)
    assert b"because" not in made.take()


def test_what_else_is_to_be_told_stays_when_the_reason_goes() -> None:
    told = Properties(reason_string="because", server_keep_alive_s=9)
    connack = Connack(session_present=False, reason_code=ReasonCode.SUCCESS, properties=told)
    made = output(maximum_packet_size=len(encode_packet(connack, 5)) - 1)
    assert made.write_answer(connack)
    assert made.take() == encode_packet(
        Connack(
            session_present=False,
            reason_code=ReasonCode.SUCCESS,
            properties=Properties(server_keep_alive_s=9),
        ),
        5,
    )
