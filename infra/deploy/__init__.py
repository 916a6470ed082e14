"""Deploys a checkout with CloudFormation's change sets: `python -m infra.deploy --help`."""
