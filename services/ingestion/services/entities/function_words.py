"""Small words by the part they play in finding names; several languages where it costs nothing."""

# fmt: off
# What follows them is a phrase that may be a name in lower case.
DETERMINERS = frozenset((
    "the", "a", "an", "this", "our", "your", "its", "their", "each", "every", "any", "der",
    "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "le", "la",
    "les", "un", "une", "el", "los", "las", "una", "il", "lo", "gli", "uno", "o", "os", "um",
    "uma", "het", "een",
))
# A sentence about one of these is about something that was named before.
POINTERS = frozenset((
    "it", "this", "that", "these", "those", "there", "here", "he", "she", "they", "we", "you",
    "i", "what", "which", "who", "one", "some", "many", "most", "all", "es", "dies", "er",
    "sie", "wir", "das", "ce", "c", "il", "elle", "nous", "on", "esto", "eso", "este", "esta",
    "el", "ella", "questo",
))
# fmt: on
