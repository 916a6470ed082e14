"""Customization of models: jobs with their phases, custom models, deployments that answer."""
