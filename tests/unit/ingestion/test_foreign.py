"""Messages without an envelope: notifications of S3, and those sent by hand."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.envelope import Envelope
from contracts.ingestion.document import document_id
from services.ingestion.services.intake.foreign import foreign
from shared.messaging.wire import Undecodable, decode


def record(key: object, **fields: Any) -> dict[str, Any]:
    described = {"key": key, "size": 3, "eTag": "e1", "sequencer": "0A"} | fields
    return {
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "ragops-carrier"}, "object": described},
    }


def read(body: dict[str, Any]) -> Envelope:
    envelope = foreign(body, json.dumps(body))
    assert envelope is not None
    return envelope


def test_a_notification_names_its_objects_decoded() -> None:
    envelope = read({"Records": [record("inbox/acme/my+notes/%C3%A4.txt")]})
    assert (envelope.type, envelope.tenant) == ("ObjectsDropped", "acme")
    [dropped] = envelope.data["objects"]
    assert dropped["key"] == "inbox/acme/my notes/ä.txt"
    assert dropped["size"] == 3


def test_the_id_is_the_objects_version() -> None:
    one = read({"Records": [record("inbox/acme/a.txt")]})
    again = read({"Records": [record("inbox/acme/a.txt", size=3)], "more": 1})
    assert one.id == again.id
    changes: list[dict[str, Any]] = [{"sequencer": "0B"}, {"versionId": "v2"}, {"eTag": "e2"}]
    for changed in changes:
        assert read({"Records": [record("inbox/acme/a.txt", **changed)]}).id != one.id


def test_the_test_event_and_removals_have_no_objects() -> None:
    test: dict[str, Any] = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}
    removal = record("inbox/acme/a.txt") | {"eventName": "ObjectRemoved:Delete"}
    bodies: list[dict[str, Any]] = [test, {"Records": []}, {"Records": [removal]}]
    for body in bodies:
        envelope = read(body)
        assert envelope.type == "ObjectsDropped"
        assert not envelope.data["objects"]


def test_a_document_by_hand() -> None:
    body = {"tenant": "acme", "name": "a.txt", "text": "words", "tags": ["x"]}
    envelope = read(body)
    assert (envelope.type, envelope.version, envelope.tenant) == ("IngestDocument", 1, "acme")
    assert envelope.data == {"name": "a.txt", "text": "words", "tags": ["x"]}
    assert envelope.id == read(body).id != read(body | {"text": "other"}).id


def test_a_deletion_by_hand_names_the_document_or_its_id() -> None:
    by_name = read({"type": "DeleteDocument", "tenant": "acme", "name": "a.txt"})
    by_id = read({"type": "DeleteDocument", "tenant": "acme", "document_id": "d1"})
    assert by_name.data == {"document_id": document_id("acme", "a.txt")}
    assert by_id.data == {"document_id": "d1"}


def test_a_message_by_hand_is_known_by_its_id() -> None:
    """Issue 10, 1: a deletion forgets these ids."""
    assert read({"tenant": "acme", "name": "a.txt", "text": "x"}).id.startswith("hand-")


def test_a_deletion_by_hand_finds_the_normal_name() -> None:
    """Issue 10, 29."""
    decomposed = read({"type": "DeleteDocument", "tenant": "acme", "name": "u\u0308.txt\u200b"})
    assert decomposed.data == {"document_id": document_id("acme", "ü.txt")}


GOOD = record("inbox/acme/a.txt")


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        "text",
        [],
        {},
        {"s3": GOOD["s3"]},
        GOOD | {"eventName": None},
        GOOD | {"eventName": ["ObjectCreated:Put"]},
        GOOD | {"s3": None},
        GOOD | {"s3": []},
        GOOD | {"s3": {"bucket": "b", "object": {"key": "k"}}},
        GOOD | {"s3": {"bucket": {"name": "b"}, "object": "k"}},
        GOOD | {"s3": {"bucket": {}, "object": {"key": "k"}}},
        record(""),
        record(None),
        record(7),
        record("inbox/acme/a.txt", size="large"),
        record("inbox/acme/a.txt", size=-1),
        record("inbox/acme/a.txt", sequencer={}),
        record("inbox/acme/a.txt", versionId=[1]),
        record("inbox/acme/a.txt", eTag=1),
    ],
    ids=repr,
)
def test_a_record_that_is_none_of_s3_is_refused_with_what_it_needs(bad: object) -> None:
    """Issue 10, 9."""
    body = json.dumps({"Records": [GOOD, bad]})
    with pytest.raises(Undecodable, match=r"Records\.1: .*s3\.bucket\.name and s3\.object\.key"):
        decode(body, foreign)


def test_a_drop_of_a_bad_tenant_is_left_to_the_intake() -> None:
    """Issue 10, 9: the other objects of its notification are taken in."""
    envelope = read({"Records": [record("inbox/../a.txt"), record("inbox/acme/a.txt")]})
    assert len(envelope.data["objects"]) == 2


def test_an_unknown_form_is_left_alone() -> None:
    for body in ({}, {"name": "a.txt"}, {"tenant": "acme", "type": "DropTables"}, {"Records": 1}):
        assert foreign(body, json.dumps(body)) is None


def test_a_bad_tenant_is_an_error() -> None:
    body = {"tenant": "../acme", "name": "a.txt", "text": "x"}
    with pytest.raises(ValidationError, match="tenant"):
        foreign(body, json.dumps(body))
