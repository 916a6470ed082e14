"""Follow-ups are recognised by rule and get the subject of the conversation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.services.turn.follow_up import is_follow_up, subject_words, with_subject

EARLIER = "What is the warranty of the X200 pump?"

FOLLOW_UPS = [
    "and for the second one?",
    "And for the X300?",
    "what about Germany?",
    "How about managers?",
    "why?",
    "Why not?",
    "How long does it last?",
    "Is it transferable?",
    "Who approves that?",
    "Does this apply to contractors?",
    "When do they expire?",
    "in Germany?",
    "For managers?",
    "the second one",
    "Can you explain that further?",
    "Tell me more",
    "What are its limits?",
    "how much?",
    "And?",
    "But not on weekends?",
    "Can I extend it?",
    "what if it breaks?",
    "Are there others?",
    "which one is cheaper?",
    "give me an example",
    "What does that mean?",
    "who approves?",
]
IN_OTHER_WORDS = [
    "How much in Denmark?",
    "How long for managers?",
    "How often on public holidays?",
    "When in Sweden?",
    "Where in Denmark?",
    "Denmark too?",
    "The same for managers?",
    "Only in Denmark?",
    "What is the limit there?",
    "Does that also hold for letters that were sent to customers outside the country?",
    "Do they also need a stamp when the sender lives in another country of the union?",
    "Is the same true for pumps that were bought from another dealer last summer?",
    "What about pumps that were bought from another dealer before the last summer sale?",
    "Und in Dänemark?",
    "Und für Führungskräfte?",
    "Was ist mit Dänemark?",
    "Was ist mit Briefen, die an Kunden außerhalb des Landes verschickt wurden?",
    "Wie ist es in Dänemark?",
    "Wie sieht es bei Briefen aus?",
    "Wie viel in Dänemark?",
    "Wie lange für Führungskräfte?",
    "Gilt das auch für Briefe, die an Kunden außerhalb des Landes verschickt wurden?",
    "Gilt das auch für Briefe?",
    "Auch in Dänemark?",
    "Für Führungskräfte?",
    "Wie lange gilt sie?",
    "Wer genehmigt das?",
    "Was passiert, wenn ich das überschreite?",
    "Wie reiche ich das ein, wenn Sie das erlauben?",
    "Ist sie übertragbar?",
    "Was kostet es dort?",
    "Warum?",
    "Warum nicht?",
    "Und wenn sie kaputtgeht?",
    "Et au Danemark ?",
    "Et pour les cadres ?",
    "Et en Suède ?",
    "Qu'en est-il du Danemark ?",
    "Qu’en est-il des lettres envoyées aux clients hors du pays ?",
    "Combien au Danemark ?",
    "Combien de temps pour les cadres ?",
    "Est-ce que cela vaut aussi pour les lettres envoyées aux clients hors du pays ?",
    "Cela vaut-il aussi pour les lettres ?",
    "C'est pareil pour les cadres ?",
    "Quand expire-t-elle ?",
    "Est-elle transférable ?",
    "Pourquoi ?",
    "Au Danemark aussi ?",
    "Quelle est sa durée ?",
    "Wo wurde er gebaut?",
    "¿Y en Dinamarca?",
    "Y en Dinamarca?",
    "¿Y para los directivos?",
    "¿Por qué?",
    "¿Cuánto en Dinamarca?",
    "¿Qué pasa con las cartas que se envían a clientes fuera del país?",
    "¿Vale eso también para las cartas?",
    "¿Cuánto tiempo dura eso?",
    "¿En Dinamarca también?",
    "E in Danimarca?",
    "E per i dirigenti?",
    "Perché?",
    "Quanto in Danimarca?",
    "Vale anche per le lettere spedite a clienti fuori dal paese?",
    "Quanto tempo dura questo?",
    "Anche in Danimarca?",
]
OWN_SUBJECT = [
    "Wann öffnet das neue Schwimmbad?",
    "was kostet das hotel?",
    "What is the travel allowance in France?",
    "Who is the head of the legal department?",
    "How do I reset my VPN password?",
    "Is it possible to work from another country during summer holidays?",
    "How long does it take to get a visa for Japan?",
    "Which documents does the IT department need before the first day?",
    "What is the rule that covers overtime on public holidays in Austria?",
    "refund policy",
    "VPN?",
    "What is fusion?",
    "Define churn",
    "Where are the fire exits?",
    "List the steps for closing an incident",
    "Explain the escalation procedure for incidents of severity one in production",
    "Who founded Acme?",
    "How long are invoices kept?",
    "How much of the budget is left?",
    "How long in the archive are letters kept?",
    "Must invoices be kept in paper if they are paid?",
    "Is it still allowed to smoke in the canteen?",
    "May an employee extend his contract abroad?",
    "Wie lange werden Rechnungen aufbewahrt?",
    "Was kostet das Hotel in Norwegen?",
    "Gibt es ein Schwimmbad?",
    "Ist es erlaubt, Hunde ins Büro mitzubringen?",
    "Können Sie mir die Reisekosten nennen?",
    "Müssen Rechnungen aufbewahrt werden, wenn sie bezahlt sind?",
    "Wer leitet die Rechtsabteilung?",
    "In welchem Gebäude liegt die Kantine?",
    "Combien de temps les factures sont-elles conservées ?",
    "Quand la cantine ouvre-t-elle ?",
    "Est-ce qu'il y a une piscine ?",
    "Faut-il un visa pour le Japon ?",
    "Qui dirige le service juridique ?",
    "À quelle heure ouvre la cantine ?",
    "Wann fährt der Zug, wenn er Verspätung hat?",
    "¿Cuánto cuesta un hotel en Noruega?",
    "¿Quién dirige el departamento jurídico?",
    "¿A qué hora abre el comedor?",
    "¿Es posible trabajar desde otro país en verano?",
    "¿Hay una piscina?",
    "Quanto costa un albergo in Norvegia?",
    "Chi dirige l'ufficio legale?",
    "A che ora apre la mensa?",
    "Quanto tempo si conservano le fatture?",
    "C'è una piscina?",
]


@pytest.mark.parametrize("question", FOLLOW_UPS + IN_OTHER_WORDS)
def test_a_follow_up_gets_the_subject(question: str) -> None:
    assert is_follow_up(question)
    query = with_subject(question, [EARLIER])
    assert "warranty" in query
    assert "X200" in query
    assert query.endswith(question)


@pytest.mark.parametrize("question", OWN_SUBJECT)
def test_a_question_with_its_own_subject_stays_as_it_is(question: str) -> None:
    assert not is_follow_up(question)
    assert with_subject(question, [EARLIER]) == question


def test_the_subject_lives_on_over_several_follow_ups() -> None:
    first = "What is the daily meal allowance in France?"
    second = with_subject("What about Germany?", [first])
    third = with_subject("and Spain?", [first, second])
    assert {"daily", "meal", "allowance", "Spain"} <= set(subject_words(third))


@pytest.mark.parametrize(
    ("first", "question", "query"),
    [
        (
            "What may a hotel in Norway cost a night?",
            "How much in Denmark?",
            "hotel cost night How much in Denmark?",
        ),
        (
            "What may a hotel in Norway cost a night?",
            "What does a night cost in Denmark?",
            "hotel What does a night cost in Denmark?",
        ),
        (
            "hotel cost night How much in Denmark?",
            "And in Sweden?",
            "hotel cost night And in Sweden?",
        ),
        (
            "Wie viel darf ein Hotel in Norwegen kosten?",
            "Und in Dänemark?",
            "Hotel kosten Und in Dänemark?",
        ),
        (
            "¿Cuánto puede costar un hotel en Noruega?",
            "¿Y en Dinamarca?",
            "costar hotel ¿Y en Dinamarca?",
        ),
        (
            "Quanto può costare l'albergo in Norvegia?",
            "E in Danimarca?",
            "costare albergo E in Danimarca?",
        ),
        ("What may a hotel in Norway cost?", "In Denmark?", "hotel cost In Denmark?"),
        ("Was darf ein Hotel in Norwegen kosten?", "In Dänemark?", "Hotel kosten In Dänemark?"),
        ("Combien coûte un hôtel en Norvège ?", "Au Danemark ?", "coûte hôtel Au Danemark ?"),
        (
            "Combien peut coûter l'hôtel en Norvège ?",
            "Et au Danemark ?",
            "coûter hôtel Et au Danemark ?",
        ),
        (
            "How long are invoices kept?",
            "And for letters?",
            "long invoices kept And for letters?",
        ),
    ],
)
def test_a_place_of_its_own_replaces_the_one_before(first: str, question: str, query: str) -> None:
    assert with_subject(question, [first]) == query


@pytest.mark.parametrize(
    "question",
    [
        "How long are invoices kept?",
        "What may a hotel in Denmark cost a night?",
        "Which hotel in Norway costs most?",
    ],
)
def test_a_question_that_says_all_inherits_nothing(question: str) -> None:
    assert with_subject(question, ["What may a hotel in Norway cost a night?"]) == question


def test_a_new_topic_replaces_the_subject() -> None:
    query = with_subject("why?", [EARLIER, "Who approves home office?"])
    assert "office" in query
    assert "warranty" not in query


def test_without_a_conversation_there_is_nothing_to_add() -> None:
    assert with_subject("and for the second one?", []) == "and for the second one?"


def test_a_predecessor_without_subject_is_skipped() -> None:
    assert "warranty" in with_subject("and then?", [EARLIER, "why?"])


def test_the_added_words_are_bounded() -> None:
    long = " ".join(f"word{n}" for n in range(100))
    assert with_subject("why?", [long]).split()[-2:] == ["word9", "why?"]


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=3))
def test_the_question_itself_is_never_lost(question: str, earlier: list[str]) -> None:
    assert with_subject(question, earlier).endswith(question)
