"""Makes the user with which ingestion logs in; RDS knows it by a token of its role.

ECS runs this text in ingestion's image (infra/stacks/containers.py), as the database's first user:
PGUSER and PGPASSWORD come from the secret that RDS keeps. Doing it again changes nothing.
"""

import asyncio
import os
import ssl

import asyncpg

USER = "ragops"
STATEMENTS = (
    f"""DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{USER}') THEN
            CREATE ROLE {USER} LOGIN;
        END IF;
    END $$""",
    f"GRANT rds_iam TO {USER}",
    f"GRANT CREATE, USAGE ON SCHEMA public TO {USER}",
)


async def make_user(connection: asyncpg.Connection) -> None:
    for statement in STATEMENTS:
        await connection.execute(statement)


async def main() -> None:
    trusted = ssl.create_default_context(cafile=os.environ.get("RAGOPS_CA_FILE"))
    connection = await asyncpg.connect(
        host=os.environ["RAGOPS_DATABASE_HOST"],
        port=int(os.environ["RAGOPS_DATABASE_PORT"]),
        database=os.environ["RAGOPS_DATABASE_NAME"],
        ssl=trusted,
        timeout=30,
    )
    try:
        await make_user(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
