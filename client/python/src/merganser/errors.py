"""What a call can fail with."""

import grpc


class MerganserError(Exception):
    """A call failed. Its text is the coordinator's, `code` gRPC's status."""

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        super().__init__(message)
        self.code = code


class InvalidArgument(MerganserError):
    """The text names the field and what was expected."""


class NotFound(MerganserError):
    """There is no such campaign, or no such candidate in it."""


class AlreadyExists(MerganserError):
    """Another campaign has the name."""


class FailedPrecondition(MerganserError):
    """Not in the campaign's present state."""


class Unavailable(MerganserError):
    """The coordinator cannot be reached, is a standby, or has no Redis; try again."""


class Unauthenticated(MerganserError):
    """Who is between here and the coordinator demands credentials."""


_BY_CODE: dict[grpc.StatusCode, type[MerganserError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
}


def from_rpc(error: grpc.RpcError, address: str) -> MerganserError:
    """The exception of a failed call to `address`."""
    if not isinstance(error, grpc.Call):
        return MerganserError(str(error))
    code = error.code()
    message = error.details() or code.name
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
        message = f"{address}: {message}"
    return _BY_CODE.get(code, MerganserError)(message, code)
