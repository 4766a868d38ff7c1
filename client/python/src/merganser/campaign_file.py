"""From a campaign file to the message that a coordinator takes."""

import os
import subprocess
from collections.abc import Mapping

import grpc
from google.protobuf import json_format

from merganser.errors import InvalidArgument, MerganserError
from merganser.v1 import campaign_pb2

_BAD_INPUT = 2


def load_campaign(
    file: str | os.PathLike[str],
    settings: Mapping[str, object] | None = None,
    *,
    models_root: str | os.PathLike[str] | None = None,
    program: str | os.PathLike[str] = "merganser",
) -> campaign_pb2.CampaignSpec:
    """Reads a campaign file, with all that it names: seeds, tasks, data.

    `settings` replaces keys of the file: {"budget.evaluations": 500}. `models_root` is
    the folder that holds all files of the campaign; workers have the same files below
    their own. `program` is the command `merganser`, which reads the file: its rules
    stand there alone.

    Errors: InvalidArgument names the key and what was expected; FileNotFoundError if
    there is no such program.
    """
    command = [os.fspath(program), "validate", os.fspath(file), "--json"]
    for key, value in (settings or {}).items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        command += ["--set", f"{key}={text}"]
    if models_root is not None:
        command += ["--models-root", os.fspath(models_root)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        message = run.stderr.strip().removeprefix("merganser: ")
        if run.returncode == _BAD_INPUT:
            raise InvalidArgument(message, grpc.StatusCode.INVALID_ARGUMENT)
        raise MerganserError(message)
    return json_format.Parse(run.stdout, campaign_pb2.CampaignSpec())
