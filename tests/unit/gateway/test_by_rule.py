"""Answers by rule where no language model is configured."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from contracts.ingestion.queries import DocumentsListedV1, ListDocumentsV1
from contracts.retrieval.search import SearchRequestedV1
from services.gateway.services.turn.answering import NOTHING_FOUND, SEARCH_MISSING
from services.gateway.services.turn.by_rule import EXTRACTIVE, Intent, intent_of
from shared.errors import Unavailable
from tests.unit.gateway.fakes import Gateway, a_hit, an_answered_search, open_gateway, text_of
from tests.unit.gateway.test_documents import a_state

TABLE: list[tuple[str, Intent | None]] = [
    ("hello", Intent("greeting", "en")),
    ("Hi there!", Intent("greeting", "en")),
    ("Good morning.", Intent("greeting", "en")),
    ("What can you do?", Intent("greeting", "en")),
    ("Hallo", Intent("greeting", "de")),
    ("Guten Tag!", Intent("greeting", "de")),
    ("Was kannst du?", Intent("greeting", "de")),
    ("Bonjour !", Intent("greeting", "fr")),
    ("Que sais-tu faire ?", Intent("greeting", "fr")),
    ("Thank you very much", Intent("thanks", "en")),
    ("Vielen Dank!", Intent("thanks", "de")),
    ("merci", Intent("thanks", "fr")),
    ("how many documents do I have", Intent("count", "en")),
    ("How many files are there?", Intent("count", "en")),
    ("How many documents?", Intent("count", "en")),
    ("Wie viele Dokumente habe ich?", Intent("count", "de")),
    ("Wieviele Dateien gibt es hier?", Intent("count", "de")),
    ("Combien de documents ai-je ?", Intent("count", "fr")),
    ("Combien de fichiers y a-t-il ?", Intent("count", "fr")),
    ("summarize handbook.pdf", Intent("summary", "en", "handbook.pdf")),
    ("Please summarise the travel policy.", Intent("summary", "en", "travel policy")),
    ('Give me a summary of "Travel Rules"', Intent("summary", "en", "Travel Rules")),
    ("Fasse das Handbuch zusammen", Intent("summary", "de", "Handbuch")),
    ("Zusammenfassung der Reiseregeln", Intent("summary", "de", "Reiseregeln")),
    ("Résume le document reglement.pdf", Intent("summary", "fr", "reglement.pdf")),
    ("Fais-moi un résumé du règlement", Intent("summary", "fr", "règlement")),
    # Questions about what stands in the documents.
    ("How many documents do I need for a visa?", None),
    ("How many files may one folder hold?", None),
    ("Wie viele Dokumente brauche ich für den Antrag?", None),
    ("Combien de documents faut-il fournir ?", None),
    ("What does the hello message say?", None),
    ("Who wrote the summary of the report?", None),
    ("How much is the allowance?", None),
    ("Hi, how much is the allowance?", None),
    ("summarize", None),
    ("", None),
    ("?", None),
]


@pytest.mark.parametrize(("question", "intent"), TABLE)
def test_what_a_question_wants(question: str, intent: Intent | None) -> None:
    assert intent_of(question) == intent


@pytest_asyncio.fixture
async def local() -> AsyncIterator[Gateway]:
    async with open_gateway(answer_models=(EXTRACTIVE,)) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("question", "says"),
    [("hello", "Ask me about your documents"), ("Hallo", "Fragen Sie"), ("Salut", "Posez-moi")],
)
async def test_a_greeting_says_what_one_can_ask(local: Gateway, question: str, says: str) -> None:
    events = await local.ask(question)
    assert says in text_of(events)
    assert events[-1][0] == "done"
    assert local.requester.of(SearchRequestedV1) == []
    assert local.model.calls == []
    [turn] = local.publisher.on("turns")
    assert (turn.model, turn.outcome) == ("none", "completed")


async def test_documents_are_counted_from_ingestions_list(local: Gateway) -> None:
    documents = (a_state("ready").document, a_state("parsing").document)
    local.requester.answers[ListDocumentsV1] = DocumentsListedV1(documents=documents)
    text = text_of(await local.ask("How many documents do I have?"))
    assert "can see: 2. Of these, 1 can be searched" in text
    more = DocumentsListedV1(documents=documents, next="x")
    local.requester.answers[ListDocumentsV1] = more
    assert "mehr als 500" in text_of(await local.ask("Wie viele Dokumente gibt es?"))
    local.requester.answers[ListDocumentsV1] = Unavailable("sqs")
    assert "not available now" in text_of(await local.ask("How many documents are there?"))


async def test_a_summary_quotes_the_best_passages_of_the_named_document(local: Gateway) -> None:
    local.requester.answers[SearchRequestedV1] = an_answered_search(
        a_hit(1, "Other."), a_hit(2, "First. " * 100, name="Handbook.pdf"), a_hit(3, "More.")
    )
    events = await local.ask("Summarize handbook.pdf")
    [asked] = local.requester.of(SearchRequestedV1)
    assert asked.query == "handbook.pdf"
    text = text_of(events)
    assert "needs a language model" in text
    assert "First." in text
    assert "[2]" in text
    assert "[1]" not in text
    assert len(text) < 500
    [citations] = [data for name, data in events if name == "citations"]
    assert [one["name"] for one in citations] == ["Handbook.pdf"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [(an_answered_search(), NOTHING_FOUND), (Unavailable("sqs"), SEARCH_MISSING)],
)
async def test_a_summary_without_passages_says_why(
    local: Gateway, answer: object, says: str
) -> None:
    local.requester.answers[SearchRequestedV1] = answer
    assert text_of(await local.ask("summarize the handbook")) == says


async def test_other_questions_go_to_the_model(local: Gateway) -> None:
    await local.ask("How much is the allowance?")
    assert len(local.model.calls) == 1


async def test_a_language_model_answers_everything_itself(gateway: Gateway) -> None:
    await gateway.ask("hello")
    assert len(gateway.model.calls) == 1
