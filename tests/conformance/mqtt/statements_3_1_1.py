"""The normative statements of MQTT 3.1.1 (OASIS Standard, 29 October 2014), in our own words."""

from typing import Final

from statements import both, client, server

STATEMENTS: Final = (
    # 1.5 Data representation
    both(
        "MQTT-1.5.3-1",
        "Strings are well-formed UTF-8 without surrogates (U+D800 to U+DFFF); a packet with any "
        "other string ends the connection.",
    ),
    both("MQTT-1.5.3-2", "Strings hold no U+0000; a packet with one may end the connection."),
    both("MQTT-1.5.3-3", "EF BB BF is U+FEFF wherever it stands, and is never taken out."),
    # 2 Control packet format
    both("MQTT-2.2.2-1", "Reserved flag bits have the values that the table of flags gives them."),
    both("MQTT-2.2.2-2", "A packet with other flags ends the connection."),
    both(
        "MQTT-2.3.1-1",
        "SUBSCRIBE, UNSUBSCRIBE and PUBLISH above QoS 0 carry a packet id other than 0.",
    ),
    client("MQTT-2.3.1-2", "A new packet of these gets a packet id that is not in use."),
    client("MQTT-2.3.1-3", "A packet sent again keeps its packet id."),
    server("MQTT-2.3.1-4", "The same holds for what the server publishes above QoS 0."),
    both("MQTT-2.3.1-5", "A PUBLISH with QoS 0 has no packet id."),
    both(
        "MQTT-2.3.1-6", "PUBACK, PUBREC and PUBREL carry the packet id of the PUBLISH they answer."
    ),
    server(
        "MQTT-2.3.1-7",
        "SUBACK and UNSUBACK carry the packet id of the SUBSCRIBE or UNSUBSCRIBE they answer.",
    ),
    # 3.1 CONNECT
    client("MQTT-3.1.0-1", "The first packet of a connection is CONNECT."),
    server("MQTT-3.1.0-2", "A second CONNECT is a violation and ends the connection."),
    server(
        "MQTT-3.1.2-1",
        "A CONNECT with another protocol name is not handled by the rules of this standard.",
    ),
    server(
        "MQTT-3.1.2-2",
        "A protocol level that is not served is answered by CONNACK 0x01 and the end.",
    ),
    server("MQTT-3.1.2-3", "The reserved connect flag is checked; if it is set, that is the end."),
    both(
        "MQTT-3.1.2-4",
        "Clean Session 0 goes on with the session of the client id, or makes one; it is kept "
        "after the connection.",
    ),
    server(
        "MQTT-3.1.2-5",
        "QoS 1 and 2 messages for the subscriptions of an absent client with Clean Session 0 are "
        "kept in its session.",
    ),
    both(
        "MQTT-3.1.2-6",
        "Clean Session 1 drops an earlier session; the new one ends with the connection and "
        "nothing of it is used again.",
    ),
    server("MQTT-3.1.2-7", "Retained messages outlive the session of who published them."),
    server(
        "MQTT-3.1.2-8",
        "The Will is kept with the connection and published when that closes, unless DISCONNECT "
        "removed it.",
    ),
    client("MQTT-3.1.2-9", "With the Will flag come Will topic and Will message."),
    server("MQTT-3.1.2-10", "A Will that was published, or removed by DISCONNECT, is gone."),
    client("MQTT-3.1.2-11", "Without the Will flag there are no other Will flags and fields."),
    server("MQTT-3.1.2-12", "Without the Will flag no Will is published."),
    client("MQTT-3.1.2-13", "Without the Will flag, Will QoS is 0."),
    client("MQTT-3.1.2-14", "Will QoS is never 3."),
    client("MQTT-3.1.2-15", "Without the Will flag, Will Retain is 0."),
    server("MQTT-3.1.2-16", "Will Retain 0: the Will is published as a message not retained."),
    server("MQTT-3.1.2-17", "Will Retain 1: the Will is published as a retained message."),
    client("MQTT-3.1.2-18", "Without the user name flag there is no user name."),
    client("MQTT-3.1.2-19", "With the user name flag there is a user name."),
    client("MQTT-3.1.2-20", "Without the password flag there is no password."),
    client("MQTT-3.1.2-21", "With the password flag there is a password."),
    client("MQTT-3.1.2-22", "Without a user name there is no password."),
    client("MQTT-3.1.2-23", "Packets follow each other within Keep Alive; PINGREQ fills gaps."),
    server(
        "MQTT-3.1.2-24",
        "A client silent for one and a half times its Keep Alive, if that is not 0, is "
        "disconnected as if the network had failed.",
    ),
    client(
        "MQTT-3.1.3-1",
        "The payload's fields come as client id, Will topic, Will message, user name, password.",
    ),
    both("MQTT-3.1.3-2", "State between client and server is found by the client id."),
    client("MQTT-3.1.3-3", "The client id is there and is the first field of the payload."),
    client("MQTT-3.1.3-4", "The client id is a UTF-8 string."),
    server("MQTT-3.1.3-5", "Client ids of 1 to 23 bytes of digits and English letters are taken."),
    server(
        "MQTT-3.1.3-6",
        "An empty client id, where it is taken, is replaced by one that nobody else has.",
    ),
    client("MQTT-3.1.3-7", "An empty client id comes with Clean Session 1."),
    server("MQTT-3.1.3-8", "If it comes with Clean Session 0: CONNACK 0x02 and the end."),
    server("MQTT-3.1.3-9", "A client id that is refused: CONNACK 0x02 and the end."),
    client("MQTT-3.1.3-10", "The Will topic is a UTF-8 string."),
    client("MQTT-3.1.3-11", "The user name is a UTF-8 string."),
    server("MQTT-3.1.4-1", "A CONNECT out of form ends the connection without CONNACK."),
    server("MQTT-3.1.4-2", "A client id that is connected already: the older connection ends."),
    server("MQTT-3.1.4-3", "Clean Session is carried out for a CONNECT in form."),
    server("MQTT-3.1.4-4", "A CONNECT in form that is accepted is answered by CONNACK 0x00."),
    server("MQTT-3.1.4-5", "Nothing that came behind a refused CONNECT is handled."),
    # 3.2 CONNACK
    server("MQTT-3.2.0-1", "The first packet of the server is CONNACK."),
    server("MQTT-3.2.2-1", "Clean Session 1 is accepted with Session Present 0."),
    server("MQTT-3.2.2-2", "Clean Session 0 with a session there: Session Present 1."),
    server("MQTT-3.2.2-3", "Clean Session 0 without a session there: Session Present 0."),
    server("MQTT-3.2.2-4", "A refusal says Session Present 0."),
    server("MQTT-3.2.2-5", "A refusal is followed by the end of the connection."),
    server("MQTT-3.2.2-6", "Where no return code fits, the end comes without CONNACK."),
    # 3.3 PUBLISH
    both("MQTT-3.3.1-1", "A PUBLISH that is sent again has DUP 1."),
    both("MQTT-3.3.1-2", "A PUBLISH with QoS 0 has DUP 0."),
    server(
        "MQTT-3.3.1-3",
        "DUP towards subscribers tells whether it was sent before, whatever DUP came in.",
    ),
    both("MQTT-3.3.1-4", "QoS 3 is never sent, and ends the connection."),
    server("MQTT-3.3.1-5", "A message with RETAIN 1 is kept with its QoS for later subscribers."),
    server(
        "MQTT-3.3.1-6",
        "A new subscription gets the last retained message of each topic that it matches.",
    ),
    server(
        "MQTT-3.3.1-7",
        "A QoS 0 message with RETAIN 1 takes the place of what was retained on its topic.",
    ),
    server("MQTT-3.3.1-8", "What is sent because of a new subscription has RETAIN 1."),
    server("MQTT-3.3.1-9", "What is sent to a subscription that was there has RETAIN 0."),
    server(
        "MQTT-3.3.1-10",
        "An empty message with RETAIN 1 goes to subscribers as any, and what was retained on its "
        "topic is removed.",
    ),
    server("MQTT-3.3.1-11", "An empty message is never retained itself."),
    server("MQTT-3.3.1-12", "A message with RETAIN 0 changes nothing of what is retained."),
    both("MQTT-3.3.2-1", "The topic name comes first, and is a UTF-8 string."),
    both("MQTT-3.3.2-2", "The topic name has no wildcards."),
    server("MQTT-3.3.2-3", "What a subscriber gets has a topic name that its filter matches."),
    both(
        "MQTT-3.3.4-1",
        "QoS 0 is answered by nothing, QoS 1 by PUBACK, QoS 2 by PUBREC.",
    ),
    server(
        "MQTT-3.3.5-1",
        "Where filters of one client overlap, the message comes with the highest QoS of them.",
    ),
    server(
        "MQTT-3.3.5-2",
        "A message that its publisher may not send is acknowledged all the same, or ends the "
        "connection.",
    ),
    # 3.6 PUBREL
    both("MQTT-3.6.1-1", "PUBREL has flags 2; with any other the connection ends."),
    # 3.8 SUBSCRIBE
    both("MQTT-3.8.1-1", "SUBSCRIBE has flags 2; with any other the connection ends."),
    client("MQTT-3.8.3-1", "Topic filters in SUBSCRIBE are UTF-8 strings."),
    server("MQTT-3.8.3-2", "A server without wildcards refuses filters that have any."),
    both("MQTT-3.8.3-3", "SUBSCRIBE has at least one topic filter."),
    server(
        "MQTT-3.8.3-4",
        "Reserved bits beside the QoS, or QoS 3: SUBSCRIBE is malformed and the connection ends.",
    ),
    server("MQTT-3.8.4-1", "SUBSCRIBE is answered by SUBACK."),
    server("MQTT-3.8.4-2", "SUBACK has the packet id of its SUBSCRIBE."),
    server(
        "MQTT-3.8.4-3",
        "A filter that is there already replaces its subscription; retained messages come again, "
        "and no message is lost over it.",
    ),
    server(
        "MQTT-3.8.4-4",
        "Many filters in one packet count as many packets, answered together.",
    ),
    server(
        "MQTT-3.8.4-5",
        "SUBACK has one code for each filter: the QoS that is granted, or a failure.",
    ),
    server(
        "MQTT-3.8.4-6",
        "A subscriber gets the lower one of the QoS granted and the QoS published.",
    ),
    # 3.9 SUBACK
    server("MQTT-3.9.3-1", "The codes stand in the order of the filters."),
    server("MQTT-3.9.3-2", "No other codes than 00, 01, 02 and 80 are used."),
    # 3.10 UNSUBSCRIBE
    both("MQTT-3.10.1-1", "UNSUBSCRIBE has flags 2; with any other the connection ends."),
    client("MQTT-3.10.3-1", "Topic filters in UNSUBSCRIBE are UTF-8 strings."),
    both("MQTT-3.10.3-2", "UNSUBSCRIBE has at least one topic filter."),
    server(
        "MQTT-3.10.4-1",
        "A filter is compared letter by letter with those subscribed; the same one is deleted, "
        "no other.",
    ),
    server("MQTT-3.10.4-2", "After that no new messages are added for the client."),
    server("MQTT-3.10.4-3", "QoS 1 and 2 deliveries that have begun are brought to their end."),
    server("MQTT-3.10.4-4", "UNSUBACK answers, with the packet id of its UNSUBSCRIBE."),
    server("MQTT-3.10.4-5", "UNSUBACK comes even where nothing was deleted."),
    server(
        "MQTT-3.10.4-6", "Many filters in one packet count as many packets, with one UNSUBACK."
    ),
    # 3.12 PINGREQ
    server("MQTT-3.12.4-1", "PINGREQ is answered by PINGRESP."),
    # 3.14 DISCONNECT
    server("MQTT-3.14.1-1", "Reserved bits are checked; if one is set, that is the end."),
    client("MQTT-3.14.4-1", "After DISCONNECT the client closes the connection."),
    client("MQTT-3.14.4-2", "After DISCONNECT the client sends nothing more."),
    server("MQTT-3.14.4-3", "DISCONNECT throws the Will away unpublished."),
    # 4.1 Storing state
    both("MQTT-4.1.0-1", "Session state is kept for as long as the session lasts."),
    both("MQTT-4.1.0-2", "A session lasts at least as long as its connection."),
    # 4.3 Quality of service
    both("MQTT-4.3.1-1", "QoS 0 sender: PUBLISH with QoS 0 and DUP 0."),
    both(
        "MQTT-4.3.2-1",
        "QoS 1 sender: an unused packet id, DUP 0 at first, and unacknowledged until PUBACK.",
    ),
    both(
        "MQTT-4.3.2-2",
        "QoS 1 receiver: PUBACK with the packet id; after that the same id is a new message, "
        "whatever its DUP.",
    ),
    both(
        "MQTT-4.3.3-1",
        "QoS 2 sender: an unused packet id, DUP 0 at first, unacknowledged until PUBREC, then "
        "PUBREL of the same id until PUBCOMP, and never the PUBLISH again.",
    ),
    both(
        "MQTT-4.3.3-2",
        "QoS 2 receiver: PUBREC with the packet id; until PUBREL the same id gets PUBREC again "
        "and is not delivered again; PUBREL gets PUBCOMP; after that the id is a new message.",
    ),
    # 4.4 Delivery again
    both(
        "MQTT-4.4.0-1",
        "At a reconnect with Clean Session 0, unacknowledged PUBLISH and PUBREL packets are sent "
        "again with their packet ids.",
    ),
    # 4.5 Message receipt
    server(
        "MQTT-4.5.0-1",
        "A message taken from a publisher goes into the session of each client that subscribed.",
    ),
    client("MQTT-4.5.0-2", "A client acknowledges what it gets, whether it uses it or not."),
    # 4.6 Ordering
    both("MQTT-4.6.0-1", "PUBLISH packets are sent again in the order of the first time."),
    both("MQTT-4.6.0-2", "PUBACKs come in the order of the PUBLISH packets."),
    both("MQTT-4.6.0-3", "PUBRECs come in the order of the PUBLISH packets."),
    both("MQTT-4.6.0-4", "PUBRELs come in the order of the PUBRECs."),
    server("MQTT-4.6.0-5", "Every topic is ordered, unless somebody set it otherwise."),
    server(
        "MQTT-4.6.0-6",
        "Subscribers get the messages of one client on one topic and QoS in the order that they "
        "came in.",
    ),
    # 4.7 Topics
    both("MQTT-4.7.1-1", "Wildcards stand in topic filters, never in topic names."),
    both("MQTT-4.7.1-2", "# stands alone or behind /, and is the last character."),
    both("MQTT-4.7.1-3", "+ may stand at any level and fills it alone."),
    server(
        "MQTT-4.7.2-1",
        "A filter that begins with a wildcard matches no topic name that begins with $.",
    ),
    both("MQTT-4.7.3-1", "Topic names and filters have at least one character."),
    both("MQTT-4.7.3-2", "Topic names and filters hold no U+0000."),
    both("MQTT-4.7.3-3", "Topic names and filters are no longer than 65,535 bytes."),
    server(
        "MQTT-4.7.3-4",
        "Matching compares letter by letter: nothing is normalised, nothing substituted.",
    ),
    # 4.8 Errors
    both(
        "MQTT-4.8.0-1",
        "A violation of the protocol ends the connection that it came on, where nothing else is "
        "said.",
    ),
    both(
        "MQTT-4.8.0-2",
        "A passing trouble while a packet is handled ends the connection that it came on.",
    ),
    # 6 WebSocket
    both(
        "MQTT-6.0.0-1",
        "Packets travel in binary frames; a data frame of any other kind ends the connection.",
    ),
    both("MQTT-6.0.0-2", "Packets and frames need not begin and end together."),
    client("MQTT-6.0.0-3", "The client offers the subprotocol mqtt."),
    server("MQTT-6.0.0-4", "The server chooses the subprotocol mqtt."),
    # 7 Conformance
    server(
        "MQTT-7.0.0-1", "A server that connects to other servers conforms as client and as server."
    ),
    both("MQTT-7.0.0-2", "No extension from outside the standard is needed to work together."),
    server("MQTT-7.1.1-1", "The transport is ordered, lossless and goes both ways."),
    client("MQTT-7.1.2-1", "The transport is ordered, lossless and goes both ways."),
)
