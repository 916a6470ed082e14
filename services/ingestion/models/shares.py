"""How free places are shared among tenants that have work waiting."""

from collections.abc import Mapping


def shares(running: Mapping[str, int], places: int) -> dict[str, int]:
    """Places for each waiting tenant, by how many of its documents run already.

    Each place goes to the tenant that then has the fewest: ten thousand documents of one do not
    delay another's one.
    """
    load = dict(running)
    given: dict[str, int] = {}
    for _ in range(places if load else 0):
        tenant = min(load, key=lambda name: (load[name], name))
        load[tenant] += 1
        given[tenant] = given.get(tenant, 0) + 1
    return given
