"""The month's budget: what was spent, and what the forecast says, is told to the alarm topic."""

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets

from infra.names import SYSTEM
from infra.profiles import Profile

# Percent of the month's budget, spent or forecast.
BUDGET_STEPS = (("ACTUAL", 50), ("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
SYSTEM_TAG = f"user:system${SYSTEM}"


def budget(stack: cdk.Stack, profile: Profile, pager: str) -> None:
    cfn = budgets.CfnBudget
    subscriber = cfn.SubscriberProperty(subscription_type="SNS", address=pager)
    cfn(
        stack,
        "Budget",
        budget=cfn.BudgetDataProperty(
            budget_name=SYSTEM,
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=cfn.SpendProperty(amount=profile.budget_usd, unit="USD"),
            cost_filters={"TagKeyValue": [SYSTEM_TAG]},
        ),
        notifications_with_subscribers=[
            cfn.NotificationWithSubscribersProperty(
                notification=cfn.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[subscriber],
            )
            for kind, percent in BUDGET_STEPS
        ],
    )
