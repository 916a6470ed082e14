"""What stops a deploy, in words that say what to do."""


class DeployFailed(Exception):
    """Its words are all that a person sees."""


# CloudFormation's words for a resource that failed, and what to do about it.
_ADVICE = {
    ("bucket", "already exists"): "The bucket's name is taken. If the bucket is a leftover of"
    " yours, import it into the stack or rename it; if it is another account's, deploy in another"
    " region.",
    ("already exists",): "Something of this name is there, outside of the stack. Remove it, or"
    " import it into the stack (CloudFormation: 'Import resources into stack').",
    ("circuit breaker",): "The new tasks did not stay up, and ECS went back to the ones before."
    " Look at the log group /ragops/<service>, mend it, and deploy again.",
    ("not authorized",): "The credentials of this shell lack this right. Deploy with an"
    " administrator's, or with the role of RagOps-deployer for new images alone.",
    ("limit",): "A quota of the account is reached: raise it under 'Service Quotas'.",
}


def advice(reason: str) -> str:
    """A line for what CloudFormation says; empty where nothing better is known."""
    low = reason.lower()
    return next(
        (words for marks, words in _ADVICE.items() if all(mark in low for mark in marks)), ""
    )
