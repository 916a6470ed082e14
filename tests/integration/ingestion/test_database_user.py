"""The user that ingestion logs in with on AWS, made by the database's first user."""

import asyncpg

from infra.database_user import USER, make_user
from services.ingestion.store.database import open_database


async def test_the_user_makes_tables_and_nothing_else_is_given(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        # RDS has this role; whoever has it logs in with a token.
        await connection.execute(
            "DO $$ BEGIN CREATE ROLE rds_iam; EXCEPTION WHEN duplicate_object THEN END $$"
        )
        await make_user(connection)
        await make_user(connection)
        rights = await connection.fetchrow(
            "SELECT rolcanlogin, rolsuper, rolcreaterole, pg_has_role(rolname, 'rds_iam', 'member')"
            " AS by_token FROM pg_roles WHERE rolname = $1",
            USER,
        )
        assert tuple(rights) == (True, False, False, True)
    finally:
        await connection.close()

    def as_user(url: str) -> str:
        return url.replace("postgres:@", f"{USER}:@")

    assert as_user(database_url) != database_url
    async with open_database(as_user(database_url)) as database:
        await database.ping()
