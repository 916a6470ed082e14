"""What Redis holds of an answer that several askers get."""

from services.gateway.models.shared_answer import FORMAT, PIECES, Begun, Ended, Lost, Pieces, Said
from services.gateway.models.turn import Source

SOURCE = Source(
    n=1,
    document_id="doc-1",
    ordinal=2,
    passage_id="doc-1:2:0",
    name="policy.md",
    page=None,
    start=0,
    end=5,
    text="Forty",
    view='{"n":1}',
)
PIECES_2: Pieces = (
    Begun(turn_id="t1", query="How much?", degraded=("dense",), model=None, sources=(SOURCE,)),
    Said(text="Forty [1]."),
    Ended(model="first", cited=(1,), length=10, stop_reason=None),
    Lost(),
)
WRITTEN_2 = (
    '[{"kind":"begun","turn_id":"t1","query":"How much?","degraded":["dense"],"model":null,'
    '"sources":[{"n":1,"document_id":"doc-1","ordinal":2,"passage_id":"doc-1:2:0",'
    '"name":"policy.md","page":null,"start":0,"end":5,"text":"Forty","view":"{\\"n\\":1}"}]},'
    '{"kind":"said","text":"Forty [1]."},'
    '{"kind":"ended","model":"first","cited":[1],"length":10,"stop_reason":null},'
    '{"kind":"lost"}]'
)


def test_gateways_of_one_format_read_each_other() -> None:
    """Two releases may share a Redis: whoever changes what is written raises FORMAT."""
    assert FORMAT == 2
    assert PIECES.dump_json(PIECES_2).decode() == WRITTEN_2
    assert PIECES.validate_json(WRITTEN_2) == PIECES_2
