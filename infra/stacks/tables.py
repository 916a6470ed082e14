"""DynamoDB tables as contracts/topology.py lists them: on demand, and 35 days can be undone."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms

from contracts.topology import Table
from infra.names import logical


def add_table(stack: cdk.Stack, table: Table, key: kms.CfnKey) -> None:
    keys = {table.partition, table.sort}
    keys |= {key for index in table.indexes for key in (index.partition, index.sort)}
    made = dynamodb.CfnTable(
        stack,
        logical(table.name),
        table_name=table.name,
        billing_mode="PAY_PER_REQUEST",
        key_schema=_key_schema(table.partition, table.sort),
        attribute_definitions=[
            dynamodb.CfnTable.AttributeDefinitionProperty(attribute_name=key, attribute_type="S")
            for key in sorted(keys)
        ],
        global_secondary_indexes=[
            dynamodb.CfnTable.GlobalSecondaryIndexProperty(
                index_name=index.name,
                key_schema=_key_schema(index.partition, index.sort),
                projection=dynamodb.CfnTable.ProjectionProperty(projection_type="ALL"),
            )
            for index in table.indexes
        ],
        time_to_live_specification=dynamodb.CfnTable.TimeToLiveSpecificationProperty(
            enabled=True, attribute_name=table.expires
        ),
        point_in_time_recovery_specification=(
            dynamodb.CfnTable.PointInTimeRecoverySpecificationProperty(
                point_in_time_recovery_enabled=True
            )
        ),
        sse_specification=dynamodb.CfnTable.SSESpecificationProperty(
            sse_enabled=True, sse_type="KMS", kms_master_key_id=key.attr_arn
        ),
        deletion_protection_enabled=True,
    )
    made.apply_removal_policy(cdk.RemovalPolicy.RETAIN)


def _key_schema(partition: str, sort: str) -> list[dynamodb.CfnTable.KeySchemaProperty]:
    schema = dynamodb.CfnTable.KeySchemaProperty
    return [
        schema(attribute_name=partition, key_type="HASH"),
        schema(attribute_name=sort, key_type="RANGE"),
    ]
