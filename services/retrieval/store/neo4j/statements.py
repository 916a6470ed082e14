"""The Cypher: the tenant stands on every node and in every match.

(:Version)<-[:OF]-(:Passage)-[:MENTIONS|ABOUT]->(:Entity). A name lives while a passage leads to it.
"""

CONSTRAINTS = (
    """
    CREATE CONSTRAINT version_once IF NOT EXISTS
    FOR (v:Version) REQUIRE (v.tenant, v.document_id, v.ordinal) IS UNIQUE
    """,
    """
    CREATE CONSTRAINT passage_once IF NOT EXISTS
    FOR (p:Passage) REQUIRE (p.tenant, p.id) IS UNIQUE
    """,
    """
    CREATE CONSTRAINT entity_once IF NOT EXISTS
    FOR (e:Entity) REQUIRE (e.tenant, e.name) IS UNIQUE
    """,
)

ADD_PASSAGES = """
MERGE (v:Version {tenant: $tenant, document_id: $document_id, ordinal: $ordinal})
ON CREATE SET v += $properties
WITH v
UNWIND $passages AS id
MERGE (p:Passage {tenant: $tenant, id: id})
MERGE (p)-[:OF]->(v)
"""

_ADD_EDGES = """
UNWIND $edges AS edge
MATCH (p:Passage {{tenant: $tenant, id: edge[0]}})
MERGE (e:Entity {{tenant: $tenant, name: edge[1]}})
MERGE (p)-[:{relation}]->(e)
"""
ADD_MENTIONS = _ADD_EDGES.format(relation="MENTIONS")
ADD_ABOUTS = _ADD_EDGES.format(relation="ABOUT")

# The SET takes the name's lock: whoever leads a passage to it now waits, and then finds it gone.
REMOVE_PASSAGES = """
MATCH (v:Version {tenant: $tenant, document_id: $document_id})<-[:OF]-(p:Passage {tenant: $tenant})
WHERE v.ordinal < $below
WITH p LIMIT $batch
OPTIONAL MATCH (p)-[:MENTIONS|ABOUT]->(e:Entity {tenant: $tenant})
WITH collect(DISTINCT p) AS passages, collect(DISTINCT e) AS names
FOREACH (p IN passages | DETACH DELETE p)
WITH size(passages) AS removed, names
CALL (names) {
  UNWIND names AS e
  SET e.name = e.name
  WITH e WHERE NOT EXISTS { (e)--() }
  DELETE e
}
RETURN removed
"""
REMOVE_VERSIONS = """
MATCH (v:Version {tenant: $tenant, document_id: $document_id})
WHERE v.ordinal < $below AND NOT EXISTS { (v)--() }
DELETE v
"""

# Both counts see the scope alone, as what a principal may not see must not change what he finds;
# both stop early, since a name that leads to or comes from more is told from no other.
_LINKS = """
MATCH (v:Version {tenant: $tenant})<-[:OF]-(s:Passage {tenant: $tenant})
  -[:MENTIONS]->(e:Entity {tenant: $tenant})
WHERE s.id IN $seeds AND VISIBLE AND EXISTS { (e)<-[:ABOUT]-() }
WITH e, collect(s) AS seeds
CALL (e) {
  MATCH (e)<-[:ABOUT]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  WITH p, v LIMIT $max_owners + 1
  RETURN collect({passage: p, version: v}) AS owners
}
WITH e, seeds, owners WHERE 1 <= size(owners) <= $max_owners
CALL (e) {
  MATCH (e)<-[:MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  WITH v LIMIT $max_counted
  RETURN count(v) AS named_by
}
UNWIND seeds AS s
UNWIND owners AS owner
WITH e, s, owner.passage AS p, owner.version AS v, named_by WHERE p <> s
RETURN s.id AS seed, e.name AS entity, p.id AS passage_id, v.document_id AS document_id,
  v.ordinal AS ordinal, named_by
"""

# UNION leaves a passage out that both halves have.
_PLACES = """
MATCH (e:Entity {tenant: $tenant, name: $name})
CALL (e) {
  MATCH (e)<-[:ABOUT]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  RETURN p, v LIMIT $most
  UNION
  MATCH (e)<-[:MENTIONS]-(p:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  RETURN p, v LIMIT $most
}
RETURN p.id AS passage_id, v.document_id AS document_id, v.ordinal AS ordinal,
  EXISTS { (p)-[:ABOUT]->(e) } AS about, EXISTS { (p)-[:MENTIONS]->(e) } AS mentions
"""

_TOPICS = """
MATCH (v:Version {tenant: $tenant})<-[:OF]-(s:Passage {tenant: $tenant})
  -[:ABOUT]->(e:Entity {tenant: $tenant})
WHERE s.id IN $seeds AND VISIBLE
WITH e, collect(s) AS seeds
CALL (e) {
  MATCH (e)<-[:ABOUT]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  WITH v LIMIT $max_owners + 1
  RETURN count(v) AS owners
}
WITH e, seeds, owners WHERE owners <= $max_owners
CALL (e) {
  MATCH (e)<-[:MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
  WHERE VISIBLE
  WITH v LIMIT $max_counted
  RETURN count(v) AS named_by
}
UNWIND seeds AS s
RETURN s.id AS passage_id, e.name AS name, named_by
"""

# Several versions a name, as some may be shown no more.
_SUPPORTS = """
UNWIND $beginnings AS beginning
CALL (beginning) {
  MATCH (e:Entity {tenant: $tenant}) WHERE e.name STARTS WITH beginning
  CALL (e) {
    MATCH (e)<-[:ABOUT|MENTIONS]-(:Passage {tenant: $tenant})-[:OF]->(v:Version {tenant: $tenant})
    WHERE VISIBLE
    WITH DISTINCT v LIMIT $max_versions
    RETURN collect(v) AS versions
  }
  WITH e, versions WHERE size(versions) > 0
  RETURN e, versions LIMIT $most
}
UNWIND versions AS v
RETURN e.name AS name, v.document_id AS document_id, v.ordinal AS ordinal
"""


def links(condition: str = "true") -> str:
    return _inside(_LINKS, condition)


def places(condition: str = "true") -> str:
    return _inside(_PLACES, condition)


def topics(condition: str = "true") -> str:
    return _inside(_TOPICS, condition)


def supports(condition: str = "true") -> str:
    return _inside(_SUPPORTS, condition)


def _inside(statement: str, condition: str) -> str:
    """`condition` is a filter's predicate over `v`; its values are parameters, never text."""
    visible = f"any(one IN v.visible_to WHERE one IN $visible_to) AND {condition}"
    return statement.replace("VISIBLE", visible)
