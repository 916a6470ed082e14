"""The environment that our processes see: dummy AWS credentials, no proxy, no AWS profile."""

import os
from collections.abc import Mapping

DUMMY_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    # A real profile or endpoint of this person must not leak in, nor our calls out.
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
# The account of emulators.
ACCOUNT = "000000000000"
# For products of matrices that take a millisecond: numpy's BLAS would want every core for them, and
# its threads spin while they wait for one another. 50 passages take 13 ms of CPU then, and 3.5 so.
_ONE_CORE = {"OPENBLAS_NUM_THREADS": "1"}
_LOOPBACK = "127.0.0.1,localhost"


def child_environment(
    own: Mapping[str, str], aws: Mapping[str, str] = DUMMY_CREDENTIALS
) -> dict[str, str]:
    """The person's environment without its AWS_*, then `aws`, then `own`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    quiet = {"NO_PROXY": _LOOPBACK, "no_proxy": _LOOPBACK, "PYTHONUNBUFFERED": "1"}
    return _ONE_CORE | inherited | dict(aws) | quiet | dict(own)
