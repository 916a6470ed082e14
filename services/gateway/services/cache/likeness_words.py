"""The English words that decide whether two questions may share an answer."""

# ruff: noqa: SIM905 (a list would have a line for each)

import re

_NUMERALS = (
    "zero one/first two/second three/third four/fourth five/fifth six/sixth seven/seventh"
    " eight/eighth nine/ninth ten/tenth eleven/eleventh twelve/twelfth"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
_NAMED = """
january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday celsius fahrenheit
"""
# Each line: what is counted in, by its forms.
_UNITS = """
% percent
€ euro euros eur
$ dollar dollars usd
£ pound pounds gbp
¥ yen
° degrees degree
seconds secs sec
minute minutes min mins
hour hours hr hrs hourly
day days daily
week weeks weekly
month months monthly
quarter quarters quarterly
year years yearly annual annually
gram grams
kilogram kg kilo kilos kilograms
tonne tonnes ton tons
metre metres meter meters
kilometre km kilometres kilometer kilometers
mile miles
foot feet
inch inches
litre litres liter liters
volt volts
watt watts
megabyte mb megabytes
gigabyte gb gigabytes
half
dozen
once
twice double
triple
"""
# What counts as a number, by its one spelling: numerals, months, days of the week, units.
NUMBERS: dict[str, str] = {
    **{form: str(n) for n, word in enumerate(_NUMERALS.split()) for form in word.split("/")},
    **dict(zip(_TENS.split(), map(str, (*range(20, 100, 10), 100, 1000)), strict=True)),
    **{form: name for name in _NAMED.split() for form in (name, f"{name}s")},
    **{form: line.split()[0] for line in _UNITS.strip().splitlines() for form in line.split()},
}
NEGATIONS = frozenset(
    """
    no not never none nobody nothing nowhere neither nor without cannot except excluding unless
    lack lacks lacking besides
    """.split()
)
# Kinds of question, the first whose pattern is found.
KINDS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("count", r"\bhow many\b|\bnumber of\b"),
        ("duration", r"\bhow long\b|\bduration\b|\bhow much time\b|\blength of time\b"),
        ("frequency", r"\bhow often\b|\bhow frequently\b|\bfrequency\b"),
        ("distance", r"\bhow far\b|\bdistance\b"),
        (
            "size",
            r"\bhow (?:big|large|tall|high|wide|deep|heavy|fast|old)\b|\b(?:height|weight) of\b",
        ),
        ("amount", r"\bhow much\b|\b(?:price|cost|costs|amount)\b"),
        ("time", r"\bwhen\b|\b(?:what|which) (?:time|date|day)\b|\bdeadline\b|\bdue date\b"),
        (
            "place",
            r"\bwhere\b|\b(?:what|which) (?:place|city|location)\b|\blocation of\b|\baddress\b",
        ),
        ("person", r"\bwho\b|\bwhom\b|\bwhose\b|\b(?:what|which) person\b"),
        ("reason", r"\bwhy\b|\breasons?\b|\bhow come\b|\bwhat for\b"),
        ("manner", r"\bhow\b|\bsteps?\b|\bprocedure\b|\bways? to\b|\bprocess\b"),
    )
)
# Words of which each stands against the others of its line; `/` parts forms that mean the same.
_CONTRASTS = """
open/opens/opened/opening close/closes/closed/closing shut
start/starts/begin/begins/beginning end/ends/finish/finishes/expire/expires/expiry
buy/buys/buying/purchase/purchasing sell/sells/selling rent/rents/renting lease/leasing
buyer/customer/client seller/vendor/supplier
enable/enables/activate/activating disable/disables/deactivate/deactivating
increase/increases/raise/raises decrease/decreases/reduce/reduces lower/lowers
add/adds/create/creating remove/removes/delete/deleting change/changing/edit/update
import/imports/importing export/exports/exporting
upload/uploads/uploading download/downloads/downloading
before/prior after/following during
arrive/arrives/arrival depart/departs/departure
inside/indoor/indoors/internal outside/outdoor/outdoors/external
accept/accepts/approve/approves reject/rejects/refuse/refuses/decline/declines
forbid/forbids/forbidden/prohibit/prohibited/ban/banned
employee/employees/worker/staff employer/employers contractor/contractors manager/managers intern
lender borrower
landlord tenant/tenants
parent/parents child/children
domestic/national international/foreign/abroad
input/inputs output/outputs
send/sends/sending/submit/submits receive/receives/receiving
install/installs/installing/installation uninstall/uninstalling
include/includes/included/including exclude/excludes/excluded
hot/warm cold/cool frozen
weekday/weekdays weekend/weekends holiday/holidays
gross net
old/older/oldest new/newer/newest/latest
left right
north/northern south/southern east/eastern west/western
minimum/min/least/lowest/smallest maximum/max/most/highest/largest/biggest average/median
more/greater/above/over/exceed/exceeds/longer less/fewer/below/under/shorter equal
cheap/cheaper/cheapest expensive/dearest/costly
fast/faster/fastest/quick slow/slower/slowest
better/best worse/worst
all/every/each/always any/ever some/sometimes only/just
first last next previous
lend borrow
credit debit
public private
paid unpaid
male/men/man female/women/woman
mother father
morning afternoon evening night
today tomorrow yesterday
past/previously future
up/upper down
front rear/back
adult/adults child/children senior/seniors
red blue green yellow black white grey/gray orange brown purple pink
encrypt/encrypts/encryption decrypt/decrypts/decryption
charge/charges/charging discharge/discharging
revenue/income profit/profits loss/losses expense/expenses
benefit/benefits/advantage/advantages/pros risk/risks disadvantage/disadvantages/drawbacks/cons
cause/causes effect/effects/consequence/consequences symptom/symptoms treatment/treatments
theory practice
read/reading write/writing
login/log-in logout/log-out
online offline
optional
lock/locks/locking unlock/unlocks/unlocking
sender recipient/receiver
import-duty export-duty
basic standard premium/pro enterprise
draft final
train/trains bus/buses plane/planes/flight/flights car/cars taxi/taxis
breakfast lunch dinner
"""
CONTRASTS = tuple(
    {form: side.split("/")[0] for side in line.split() for form in side.split("/")}
    for line in _CONTRASTS.strip().splitlines()
)
# What may be is not what must be.
MODALITIES = {
    **dict.fromkeys("can could may might allowed permitted possible".split(), "may"),
    **dict.fromkeys(
        "must should shall need needs require requires required necessary obliged".split(),
        "must",
    ),
}
# With one of them, the order of what stands around it matters.
DIRECTIONS = frozenset(
    "from to into onto than by versus vs between against toward towards convert".split()
)
# Each line: one thing.
_SYNONYMS = """
cost price fee charge pay
last duration length long
phone telephone mobile
employee staff worker
holiday vacation leave
buy purchase order
begin start
end finish
mail email e-mail
firm company business organisation organization
rule policy regulation guideline
claim reimburse refund
salary wage
get obtain receive request
reset recover
fix repair mend
contact reach
use apply
tall height high
weigh weight heavy
big size large
far distance
old age
make produce manufacture
build construct
show display
find locate
car vehicle
doctor physician
house home
job position role
send submit deliver
"""
SYNONYMS: dict[str, str] = {
    word: line.split()[0] for line in _SYNONYMS.strip().splitlines() for word in line.split()
}
# They say nothing of what a question is about.
FILLERS = frozenset(
    """
    a an the this that these those there here it its is are was were be been being am i me my mine
    you your we our us they their he she his her him them do does did done doing have has had having
    can could may might must should shall will would to of in on at by for with from into as about
    and or if then so than what which who whom whose when where why how many much long often far
    please tell explain describe show give list say know like want wonder wondering exactly actually
    currently really typically usually normally generally also one's per any some 's s t re ve ll d
    please kindly need let see find out question reason way ways come someone somebody people person
    possible able time date day place thing things kind sort type number step steps procedure
    process allowed permitted required necessary entitled persons
    """.split()
)
