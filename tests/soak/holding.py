"""Whether archive, lake and audit log hold what people were told, and nothing of what is erased."""

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contracts.topology import AUDIT_BUCKET
from services.finetune_export.bootstrap import compacting
from shared.client.progress import Bar
from tests.soak.report import Report
from tests.soak.stand import Stand
from tests.soak.talking import Opinion, Told

# The indexes by which the archive leads to a turn, too.
_PLACES = ("turns", "feedback", "days", "by-document")
_ACTS = {"erased", "document_cut", "compacted", "exported"}
# What is counted of each user's turns.
_COUNTED = ("turns", "different", "cached", "consented", "liked", "disliked", "corrected")
_SQL = """
SELECT tenant, user, count(*), count(DISTINCT turn_id), count(cached),
    count(*) FILTER (WHERE consent_to_training), count(*) FILTER (WHERE rating = 'up'),
    count(*) FILTER (WHERE rating = 'down'), count(*) FILTER (WHERE corrected)
FROM turns WHERE tenant IN ({tenants}) AND turn_id NOT IN ({untold}) GROUP BY ALL
"""


@dataclass(frozen=True)
class Happened:
    """`erased` is a tenant and user, `deleted` a tenant and document.

    `untold` are turns of which nobody knows whether they are archived: they did not end well.
    """

    tenants: Sequence[str]
    told: Sequence[Told]
    untold: Set[str]
    opinions: Mapping[str, Opinion]
    planted: Sequence[str]
    erased: tuple[str, str]
    deleted: tuple[str, str]

    @property
    def kept(self) -> list[Told]:
        return [one for one in self.told if (one.tenant, one.user) != self.erased]


@dataclass(frozen=True)
class Ahead:
    """A clock that is ahead of the real one, so that today has ended."""

    by: timedelta

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


async def check_archive(stand: Stand, happened: Happened, report: Report) -> None:
    found = Counter[str]()
    for tenant in happened.tenants:
        found.update(_turn_of(key) for key in await stand.keys(f"turns/{tenant}/"))
    kept = {one.turn_id for one in happened.kept}
    report.check("turns told that the archive holds", len(kept), len(kept & found.keys()))
    report.check("turns that it holds twice", 0, sum(n > 1 for n in found.values()))
    others = found.keys() - kept - happened.untold
    report.check("turns that it holds although nobody was told them", 0, len(others))
    tenant, user = happened.erased
    gone = [one for one in happened.told if (one.tenant, one.user) == happened.erased]
    report.check("the erased user was told turns", True, bool(gone))
    keys = [key for place in _PLACES for key in await stand.keys(f"{place}/{tenant}/")]
    report.check("keys of the erased user", 0, sum(f"/{user}/" in key for key in keys))


def _turn_of(key: str) -> str:
    return key.rpartition("/")[2].removesuffix(".json")


async def check_deletion(stand: Stand, happened: Happened, report: Report) -> None:
    """What quoted the deleted document is still there, without the quotations."""
    tenant, document = happened.deleted
    shown = [one for one in happened.kept if one.tenant == tenant and document in one.documents]
    quoting = [
        f"turns/{tenant}/{one.user}/{one.conversation_id}/{one.turn_id}.json" for one in shown
    ]
    report.check("the deleted document had been shown", True, bool(quoting))
    left = await stand.keys(f"by-document/{tenant}/{document}/")
    report.check("turns that are still found by the deleted document", 0, len(left))
    bodies = await stand.bodies(quoting)
    report.check(
        f"of {len(quoting):,} turns that it was shown with, those that still quote it",
        0,
        sum(_quotes(body, document) for body in bodies.values()),
    )


def _quotes(raw: bytes, document: str) -> bool:
    body = json.loads(raw)["body"]
    parts = (body["prompt"] or {}).get("parts", ())
    quoted = [*body["sources"], *(one for part in parts for one in part["quotes"])]
    return any(one["document_id"] == document for one in quoted)


async def check_lake(stand: Stand, happened: Happened, report: Report, bar: Bar) -> None:
    """Compacts the days as if they had ended, then asks the lake by SQL."""
    began, count = time.process_time(), 0
    async with compacting(stand.settings, Ahead(timedelta(days=2))) as compaction:
        advance = bar("tenants and days compacted", len(happened.tenants))
        async for tenant, day in compaction.due():
            if tenant in happened.tenants:
                count += (await compaction.compact(tenant, day)).turns
                advance(1)
    spent_s = time.process_time() - began
    report.figure("turns compacted a CPU second, S3 calls included", f"{count / spent_s:,.0f}")
    tenants = ", ".join(f"'{one}'" for one in happened.tenants)
    untold = ", ".join(f"'{one}'" for one in sorted({*happened.untold, ""}))
    asked = await stand.command("ask", _SQL.format(tenants=tenants, untold=untold))
    report.check("exit status of `ask`", 0, asked.code)
    rows = list(csv.reader(io.StringIO(asked.out)))[1:]
    found = {(row[0], row[1]): tuple(map(int, row[2:])) for row in rows}
    expected = _counted(happened)
    for place, name in enumerate(_COUNTED):
        of_all = [sum(one[place] for one in counts.values()) for counts in (expected, found)]
        report.check(f"by SQL: {name}", *of_all)
    users = expected.keys() | found.keys()
    wrong = [one for one in users if expected.get(one) != found.get(one)]
    report.check(
        f"of {len(expected)} users, those of whom SQL counts another number", 0, len(wrong)
    )


def _counted(happened: Happened) -> dict[tuple[str, str], tuple[int, ...]]:
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one in happened.kept:
        counted = counts.setdefault((one.tenant, one.user), Counter())
        opinion = happened.opinions.get(one.turn_id)
        # A correction may quote what the answer quoted, so it goes with it.
        cut = one.tenant == happened.deleted[0] and happened.deleted[1] in one.cited
        counted["turns"] += 1
        counted["different"] += 1
        counted["cached"] += one.cached
        counted["consented"] += one.consent
        counted["liked"] += bool(opinion and opinion.rating == "up")
        counted["disliked"] += bool(opinion and opinion.rating == "down")
        counted["corrected"] += bool(opinion and opinion.corrected_answer and not cut)
    return {user: tuple(counted[name] for name in _COUNTED) for user, counted in counts.items()}


async def check_audit_log(stand: Stand, happened: Happened, report: Report) -> None:
    verified = await stand.command("verify")
    report.check("exit status of `verify`", 0, verified.code)
    report.figure("the audit log", (verified.out or verified.told).strip().rpartition("\n")[2])
    bodies = await stand.bodies(await stand.keys("lines/", AUDIT_BUCKET), AUDIT_BUCKET)
    lines = [json.loads(line) for body in bodies.values() for line in body.splitlines()]
    noted = {line["what"] for line in lines if line["tenant"] in happened.tenants}
    report.check("acts that it lacks", [], sorted(_ACTS - noted))
