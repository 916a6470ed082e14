"""The little words by which a follow-up question is told, for each language."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Language:
    """`stop`: words without a meaning of their own; `pointers`: words for something said before.

    `little` are all its words that are no subject.

    The patterns are matched against the question in lower case.
    """

    stop: frozenset[str]
    pointers: frozenset[str]
    possessives: frozenset[str]
    verbs: frozenset[str]
    goes_on: re.Pattern[str]
    asks_about: re.Pattern[str]
    elliptical: re.Pattern[str]
    preposition: re.Pattern[str]
    opens_a_subject: re.Pattern[str]
    too: re.Pattern[str]
    points_inside: re.Pattern[str]
    place: re.Pattern[str]
    little: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "little", self.stop | self.pointers | self.possessives)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENGLISH = Language(
    stop=_words("""
a about after all also am an and any are as at be been before but by can could did do does doing
else ever for from give had has have how i if in into is just kind know let like many may me might
more most much must my need no not of on or other our out please really same say see shall should
show so some still tell than then there through to too under until up us very want was we were what
when where whether which while who whom whose why will with would you your what's who's where's
how's when's that's it's there's don't doesn't didn't isn't aren't can't ok okay thanks hi hello
explain describe details detail mean means example examples the even only first second third fourth
fifth last next 1st 2nd 3rd 4th 5th
"""),
    pointers=_words("""
it it's they them this that these those he him she hers one ones former latter such above previous
earlier mentioned said again another others former's latter's that's theirs
"""),
    possessives=_words("its their his her"),
    verbs=_words("is are was were do does did can could may might must will would should has have"),
    # A question that starts so goes on from the one before.
    goes_on=re.compile(
        r"(and|but|or|so|also|then|plus|ok(ay)? (and|so|but)|what if|why not|only|even|not|except|"
        r"(the )?same( goes)? (for|in|with|as|at|on)|tell me more|say more|"
        r"more (about|on|details?)|"
        r"go on|continue|can you (explain|elaborate|give)|elaborate|"
        r"explain (it|that|this|more|further)|in (more|other) |for (example|instance))\b"
    ),
    # Asks whether the same is true of something else, however long that is.
    asks_about=re.compile(
        r"(and )?((what|how) about|(is|was) (that|this|the same) (also|still|true|valid|so)\b|"
        r"(do|does|did|would|will|can|could|should|must|are|were) "
        r"(that|this|it|they|these|those|the same)( rules?| limits?)? "
        r"(also|still|too|even|hold|apply|go|count|include|cover|change|differ|depend)\b)"
    ),
    elliptical=re.compile(
        r"(how (much|many|long|often|far|late|soon|high|big|old)|(by |until |since |from )?when|"
        r"where|who|why|what|which( ones?)?)( then| exactly)? "
        r"(in|for|on|with|without|at|from|by|after|before|during|under|over|as|per)\b"
    ),
    preposition=re.compile(r"(in|for|on|with|without|at|from|by|after|before|during|under|over)\b"),
    opens_a_subject=re.compile(r"(what|who|where)('s| is| are| was| were| does| do)\b|define\b"),
    too=re.compile(r"\b(too|as well|either|instead|there)\W*$"),
    # Pronouns that stand for nothing said before: "is it possible to …", "how long does it take
    # to …", "… the rule that covers …", "severity one", "must invoices be kept if they are paid".
    points_inside=re.compile(
        r"\b(is|was|does|will|would) it (still |also )?(take|cost|possible|necessary|"
        r"allowed|okay|ok|mean|true|safe|required|better|worth)\b.*\b(to|that|if|when|for)\b|"
        r"(?<=\w\w\w )that (?=\w+ )|"
        r"\b(?!(?:which|the|this|that|other|next|last|first|second|third|\w+er)\b)\w+ one\b|"
        r"(?<=\w )(if|when|because|while|once|unless|until|after|before) (it|they|he|she)\b"
    ),
    place=re.compile(r"\b(?:[Ii]n|[Aa]t) ((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
GERMAN = Language(
    stop=_words("""
aber alle als also am an andere auch auf aus bei beim bin bis bitte da dabei dann das dass dem den
denn der des die doch du durch ein eine einem einen einer eines er erst es etwa etwas für gab genau
genauso gibt gilt gelten hab habe haben hat hatte ich ihr im in ins ist ja jede jeder jedes kann
kannst können könnte man mehr mein meine mich mir mit muss müssen nach nein nicht noch nun nur ob
oder ohne schon sehr seit sein selbst sich sie sind so sogar soll sollen sollte sonst um und uns
unser unsere unter viel viele vom von vor wann war waren warum was weil weit welche welchem welchen
welcher welches wem wen wenn wer werden weshalb wie wieso wieviel will wir wird wo wofür wohin woher
worden wurde wäre während zu zum zur über darf dürfen lange oft hoch teuer sieht steht aus erkläre
erklären details beispiel ersten erste zweite zweiten dritte dritten letzte letzten nächste
"""),
    pointers=_words("""
es er sie ihn ihm ihnen dies dieser diese dieses diesen diesem jene jener jenes davon dafür damit
dazu daran darüber darauf dagegen danach davor darin dort dessen deren letztere letzterer erstere
ersterer solche solcher solches derselbe dieselbe dasselbe
"""),
    possessives=_words("seine seinen seinem seiner ihre ihren ihrem ihrer"),
    verbs=_words("""
ist sind war waren darf dürfen kann können muss müssen hat haben wird werden gilt gelten soll sollen
gibt kostet kosten
"""),
    goes_on=re.compile(
        r"(und|aber|oder|also|dann|sonst|auch|nur|selbst|sogar|nicht|außer|warum nicht|wieso nicht|"
        r"was,? wenn|genauso|ebenso|(das )?gleiche|(das|die|der)selbe|gleiches|"
        r"mehr (dazu|davon|über)|"
        r"erklär\w* (das|es|dies)|weiter|zum beispiel)\b"
    ),
    asks_about=re.compile(
        r"(und )?(was ist (mit|bei)|wie (ist|sieht|steht|verhält|wäre)( \w+)? (es|das|sich)\b|"
        r"(gilt|gelten|galt|trifft|betrifft|zählt|geht|ist|sind|muss|müssen|darf|kann|wird) "
        r"(das|dies|es|sie|er|diese|dasselbe|das gleiche) "
        r"(auch|noch|nur|dann|ebenfalls|genauso|ebenso|immer|so|für|bei|in|im)\b)"
    ),
    elliptical=re.compile(
        r"(wie (viele?|lange|oft|weit|hoch|spät|teuer|groß|alt)|wieviel|(bis |ab |seit )?wann|"
        r"wo|wer|warum|wieso|was|welche[rsnm]?)( dann| genau| denn)? "
        r"(in|im|ins|bei|beim|für|mit|ohne|an|am|auf|aus|von|vom|nach|vor|während|zum|zur|ab|bis|als)\b"
    ),
    preposition=re.compile(
        r"(in|im|bei|beim|für|mit|ohne|an|am|auf|aus|von|vom|nach|vor|während|zum|zur|ab|bis|unter)\b"
    ),
    opens_a_subject=re.compile(r"(was|wer|wo) (ist|sind|war|waren|bedeutet|heißt)\b|definiere\b"),
    too=re.compile(r"\b(auch|ebenfalls|genauso|dort|davon|dabei|stattdessen|das)\W*$"),
    points_inside=re.compile(
        r"\bgibt es\b|\b(ist|wäre|war) es (möglich|erlaubt|nötig|notwendig|üblich|verboten|"
        r"pflicht)\b|\bdauert es\b.*\b(bis|um)\b|"
        r"(?<=[\w,] )(wenn|falls|weil|nachdem|bevor|bis|sobald|dass|ob) (es|sie|er)\b"
    ),
    place=re.compile(r"\b(?:[Ii]n|[Ii]m|[Bb]ei) ((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
FRENCH = Language(
    stop=_words("""
a ai alors après as au aussi autre autres aux avant avec avez avons bien c ce ces cet cette chez
combien comme comment d dans de depuis des dois doit doivent donc du elle elles en encore est est-ce
et eu faire fait faut il ils j je jusque jusqu l la le les leur leurs là m ma mais me mes moi mon
même n ne non nos notre nous on ont ou où oui par pareil parce pas pendant peu peut peuvent plus
plutôt pour pourquoi pouvez puis-je qu quand que quel quelle quelles quels qui quoi s sa sans se
sera ses seulement si son sont sous sur t ta te temps tes toi ton tous tout toute toutes très tu un
une va vaut vers voir vos votre vous y à ça été être était est-il est-elle faut-il peut-on doit-on
y-a-t-il lequel laquelle lesquels lesquelles chose expliquez exemple détails premier première
deuxième
"""),
    pointers=_words("""
cela ça ceci celui celle ceux celles celui-ci celle-ci ceux-ci celles-ci celui-là celle-là il elle
ils elles lui là-bas
"""),
    possessives=_words("son sa ses leur leurs"),
    verbs=_words(
        "est sont était faut peut peuvent doit doivent a ont va vaut coûte coûtent est-ce"
    ),
    goes_on=re.compile(
        r"(et|mais|donc|alors|sinon|aussi|même|pareil|idem|seulement|pas|sauf|pourquoi pas|"
        r"la même chose|c['’]est pareil|par exemple|plus de détails|dites-m['’]en plus|"
        r"continue[zr]?)\b"
    ),
    asks_about=re.compile(
        r"(et )?(qu['’]en est-il|quid|(est-ce que |et )?(cela|ça|ceci|c['’]est)\b|"
        r"est-ce (aussi|encore|également|toujours|le cas|pareil|valable|vrai|la même)\b)"
    ),
    elliptical=re.compile(
        r"(combien( de temps| de fois)?|(jusqu['’]à |depuis |à partir de )?quand|où|qui|pourquoi|"
        r"comment|lesquel(le)?s|lequel|laquelle|quoi) "
        r"(en|au|aux|à|dans|pour|avec|sans|chez|par|sur|sous|pendant|après|avant|depuis)\b"
    ),
    preposition=re.compile(
        r"(en|au|aux|dans|pour|avec|sans|chez|par|sur|sous|pendant|après|avant|depuis)\b"
    ),
    opens_a_subject=re.compile(
        r"(qu['’]est-ce|(qui|où|quel(le)?s?) (est|sont|était)|que (signifie|veut))\b"
    ),
    too=re.compile(r"\b(aussi|également|là-bas|non plus|à la place)\W*$"),
    # "Les factures sont-elles …", "il faut", "s'il …", "lorsqu'elles …".
    points_inside=re.compile(
        r"\b(il y a|y a-t-il|il faut|il est (possible|permis|interdit|nécessaire|obligatoire))\b|"
        r"(?<=\w )(si |s['’]|quand |lorsqu['’]|qu['’]|parce qu['’])(ils?|elles?)\b"
    ),
    place=re.compile(
        r"\b(?:[Ee]n|[Aa]ux?|[Àà]|[Dd]ans) (?:la |le |les |l['’])?((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"
    ),
)
SPANISH = Language(
    stop=_words("""
a al algo algún alguna ante antes aquí así aun aún aunque bajo cada casi como cómo con cual cuál
cuales cuáles cuando cuándo cuanto cuánto cuanta cuánta cuantos cuántos cuantas cuántas de debe
deben debo del desde donde dónde durante e el en entonces entre era es está están estoy existe fue
fueron ha haber hace hacer hacia han hasta hay he igual incluso ir la las le les lo los más me mi
mis misma mismo mucho muchos muy nada ni no nos nuestra nuestro o otra otras otro otros para pero
poco podemos por porque pueda puede pueden puedo pues que qué quien quién quienes quiénes se sea
según ser será si sí sin sino sobre solo sólo son su sus también tampoco tan tanto te tener tengo
tiempo tiene tienen toda todas todo todos tras tu tus u un una unas uno unos usted ustedes va vale
valen vez y ya yo después explica explique detalles ejemplo primera primero segunda segundo gracias
hola
"""),
    pointers=_words("""
él ella ellas ellos ello esto eso aquello este esta estos estas ese esa esos esas aquel aquella
aquellos aquellas ahí allí allá
"""),
    possessives=_words("su sus"),
    verbs=_words("""
es son era fue está están puede pueden debe deben ha han tiene tienen hay cuesta cuestan vale valen
dura duran
"""),
    goes_on=re.compile(
        r"(y|pero|o|entonces|también|además|si no|incluso|solo|sólo|excepto|salvo|por qué no|"
        r"lo mismo|más (sobre|detalles)|por ejemplo|continúa|explíca\w*)\b"
    ),
    asks_about=re.compile(
        r"(y )?(qué (pasa|hay|sucede|ocurre) con|(esto|eso|lo mismo) (también )?(vale|se aplica)\b|"
        r"(vale|es|sirve|se aplica) (esto|eso|también|lo mismo|igual)\b)"
    ),
    elliptical=re.compile(
        r"(cuánt[oa]s?( tiempo| veces)?|(hasta |desde |a partir de )?cuándo|(a |de )?dónde|"
        r"quién(es)?|por qué|cómo|cuál(es)?|qué) "
        r"(en|para|con|sin|a|al|por|sobre|durante|después|antes|desde)\b"
    ),
    preposition=re.compile(r"(en|para|con|sin|a|al|por|sobre|durante|después|antes|desde|bajo)\b"),
    opens_a_subject=re.compile(
        r"(qué|quién(es)?|dónde|cuál(es)?) (es|son|era|está|están|significa)\b|"
        r"(hay|existe|defin[ae])\b"
    ),
    too=re.compile(r"\b(también|tampoco|ahí|allí|allá|igualmente|en su lugar)\W*$"),
    points_inside=re.compile(
        r"\b(hay|es (posible|necesario|obligatorio))\b|"
        r"(?<=\w )(si|cuando|porque|mientras|que) (él|ellas?|ellos|esto|eso)\b"
    ),
    place=re.compile(r"\b(?:[Ee]n|[Aa]) (?:el |la |los |las )?((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
ITALIAN = Language(
    stop=_words("""
a ad ai agli al alla alle allo anche ancora bisogna c ce che chi ci come con cos cosa cui d da dagli
dai dal dalla dei degli del della delle dello deve devo devono di dopo dove durante e è ed era erano
esempio essere fa fare fino già gli grazie ha hai hanno ho i il in io invece l la le li ma meno mi
mia mio molto né negli nei nel nella nelle no noi non nostra nostro o ogni oppure per perché però
più poi possiamo posso possono prima primo può qual quale quali quando quanta quante quanti quanto
qui se seconda secondo sempre senza serve si sia sono sopra sotto spiega su sua sue sui sul sulla
suo suoi tempo ti tra tu tua tuo tutta tutte tutti tutto un una uno va vale valgono vi volta volte
dettagli
"""),
    pointers=_words("""
lui lei loro esso essa essi esse questo questa questi queste quello quella quelli quelle ciò lì là
"""),
    possessives=_words("suo sua suoi sue"),
    verbs=_words("""
è sono era erano può possono deve devono ha hanno costa costano vale valgono dura durano
"""),
    goes_on=re.compile(
        r"(e|ed|ma|o|oppure|allora|anche|inoltre|altrimenti|solo|perfino|tranne|perché no|"
        r"lo stesso|la stessa cosa|per esempio|continua|spiega\w*)\b"
    ),
    asks_about=re.compile(
        r"(e )?(che (ne è|dire|succede) (di|del|con)|(questo|ciò|lo stesso) (vale|si applica)\b|"
        r"(vale|si applica) (anche|ancora|lo stesso|questo)\b)"
    ),
    elliptical=re.compile(
        r"(quant[oaie]( tempo| volte)?|(fino a |da )?quando|dove|chi|perché|come|qual[ei]|"
        r"(che )?cosa) (in|per|con|senza|a|ad|al|da|su|durante|dopo|prima|nel|nella|nei)\b"
    ),
    preposition=re.compile(
        r"(in|per|con|senza|a|ad|al|alla|da|dal|su|durante|dopo|prima|nel|nella|nei|nelle)\b"
    ),
    opens_a_subject=re.compile(
        r"((che )?cosa|chi|dove|qual[ei]?) (è|sono|era|significa)\b|(cos|dov|qual)['’]è\b|"
        r"defin\w+\b"
    ),
    too=re.compile(r"\b(anche|pure|lì|là|invece|neanche)\W*$"),
    points_inside=re.compile(
        r"\b(c['’]è|ci sono|è (possibile|necessario|obbligatorio))\b|"
        r"(?<=\w )(se|quando|perché|che) (lui|lei|loro|ess[oaie]|questo)\b"
    ),
    place=re.compile(r"\b(?:[Ii]n|[Aa]d?|[Nn]ella) ((?:[^\W\d_a-zß-ÿ][\w-]* ?)+)"),
)
# Of two that fit as well the first one counts.
LANGUAGES = (ENGLISH, GERMAN, SPANISH, FRENCH, ITALIAN)
