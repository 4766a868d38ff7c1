"""Calls of the coordinator's CampaignService."""

import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

import grpc

from merganser import scores
from merganser.campaign_file import load_campaign
from merganser.errors import MerganserError, NotFound, from_rpc
from merganser.v1 import campaign_pb2, campaign_service_pb2, campaign_service_pb2_grpc, genome_pb2

_Answer = TypeVar("_Answer")

_ENDED = (
    campaign_pb2.CAMPAIGN_STATE_COMPLETED,
    campaign_pb2.CAMPAIGN_STATE_CANCELLED,
    campaign_pb2.CAMPAIGN_STATE_FAILED,
)
# The coordinator is away or ending; the next attempt may work.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 5.0
_PAGE = 1000


def has_ended(campaign: campaign_pb2.Campaign) -> bool:
    """Whether it is completed, cancelled or failed."""
    return campaign.state in _ENDED


@dataclass
class Export:
    """What a replay needs. `gram` are the bytes of the Gram sums."""

    header: campaign_service_pb2.ExportHeader = field(
        default_factory=campaign_service_pb2.ExportHeader
    )
    gram: bytes = b""
    log: list[genome_pb2.LogEntry] = field(default_factory=list)


class Client:
    """Calls to one coordinator.

    `address` is HOST:PORT or unix:PATH; without it, MERGANSER_COORDINATOR or
    localhost:50051. `credentials` (grpc.ssl_channel_credentials) are for a proxy that
    ends TLS in front of the coordinator, which itself speaks plain gRPC. `timeout_s` is
    for each call but watch() and export(). Connects at the first call.

    Every call raises an error of merganser.errors, with the coordinator's words.
    Threads: safe.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        self.address = address or os.environ.get("MERGANSER_COORDINATOR", "localhost:50051")
        self._timeout_s = timeout_s
        options = (
            ("grpc.max_receive_message_length", -1),
            # The default, two minutes, would outlast an outage.
            ("grpc.max_reconnect_backoff_ms", 2000),
            ("grpc.initial_reconnect_backoff_ms", 200),
        )
        if credentials is None:
            self._channel = grpc.insecure_channel(self.address, options)
        else:
            self._channel = grpc.secure_channel(self.address, credentials, options)
        stub = campaign_service_pb2_grpc.CampaignServiceStub
        self._stub: Any = stub(self._channel)  # type: ignore[no-untyped-call]

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, and with it calls under way."""
        self._channel.close()

    def submit(
        self,
        campaign: campaign_pb2.CampaignSpec | str | os.PathLike[str],
        settings: Mapping[str, object] | None = None,
        *,
        request_id: str | None = None,
        models_root: str | os.PathLike[str] | None = None,
        program: str | os.PathLike[str] = "merganser",
    ) -> campaign_pb2.Campaign:
        """Creates a campaign and starts it.

        `campaign` is a message, or a campaign file, which load_campaign() reads with
        the further arguments. A repeat with the same `request_id` (1 … 64 characters)
        gives the same campaign: give one to try again after Unavailable.
        Errors: InvalidArgument; AlreadyExists.
        """
        if not isinstance(campaign, campaign_pb2.CampaignSpec):
            campaign = load_campaign(campaign, settings, models_root=models_root, program=program)
        elif settings or models_root:
            raise ValueError("settings and models_root are for campaign files")
        request = campaign_service_pb2.CreateCampaignRequest(
            request_id=request_id or uuid.uuid4().hex, spec=campaign
        )
        answer: campaign_service_pb2.CreateCampaignResponse
        answer = self._call(self._stub.CreateCampaign, request)
        return answer.campaign

    def get(self, name: str) -> campaign_pb2.Campaign:
        """Errors: NotFound."""
        request = campaign_service_pb2.GetCampaignRequest(name=name)
        answer: campaign_service_pb2.GetCampaignResponse
        answer = self._call(self._stub.GetCampaign, request)
        return answer.campaign

    def campaigns(self) -> Iterator[campaign_pb2.Campaign]:
        """All campaigns in the order of names."""
        token = ""
        while True:
            request = campaign_service_pb2.ListCampaignsRequest(page_size=_PAGE, page_token=token)
            page: campaign_service_pb2.ListCampaignsResponse
            page = self._call(self._stub.ListCampaigns, request)
            yield from page.campaigns
            token = page.next_page_token
            if not token:
                return

    def pause(self, name: str) -> campaign_pb2.Campaign:
        """Stops handing out work. Errors: NotFound; FailedPrecondition if it has ended."""
        request = campaign_service_pb2.PauseCampaignRequest(name=name)
        answer: campaign_service_pb2.PauseCampaignResponse
        answer = self._call(self._stub.PauseCampaign, request)
        return answer.campaign

    def resume(self, name: str) -> campaign_pb2.Campaign:
        """Errors: NotFound; FailedPrecondition if it has ended."""
        request = campaign_service_pb2.ResumeCampaignRequest(name=name)
        answer: campaign_service_pb2.ResumeCampaignResponse
        answer = self._call(self._stub.ResumeCampaign, request)
        return answer.campaign

    def cancel(self, name: str) -> campaign_pb2.Campaign:
        """Ends it for good. Errors: NotFound; FailedPrecondition if it has ended otherwise."""
        request = campaign_service_pb2.CancelCampaignRequest(name=name)
        answer: campaign_service_pb2.CancelCampaignResponse
        answer = self._call(self._stub.CancelCampaign, request)
        return answer.campaign

    def delete(self, name: str) -> None:
        """Removes a campaign that has ended. Errors: NotFound; FailedPrecondition."""
        request = campaign_service_pb2.DeleteCampaignRequest(name=name)
        self._call(self._stub.DeleteCampaign, request)

    def extend(self, name: str, evaluations: int) -> campaign_pb2.Campaign:
        """Raises the budget to `evaluations` in all; a completed campaign runs on.
        Errors: NotFound; InvalidArgument if it is lower; FailedPrecondition."""
        request = campaign_service_pb2.ExtendBudgetRequest(name=name, evaluations=evaluations)
        answer: campaign_service_pb2.ExtendBudgetResponse
        answer = self._call(self._stub.ExtendBudget, request)
        return answer.campaign

    def curve(self, name: str) -> list[campaign_pb2.CurvePoint]:
        """Each change of the best member. Errors: NotFound."""
        request = campaign_service_pb2.GetCurveRequest(name=name)
        answer: campaign_service_pb2.GetCurveResponse
        answer = self._call(self._stub.GetCurve, request)
        return [*answer.points]

    def candidates(
        self, name: str, *, all_accepted: bool = False
    ) -> Iterator[campaign_service_pb2.Candidate]:
        """The archive's members, or all that were ever accepted, by sequence number.
        Errors: NotFound."""
        token = ""
        while True:
            request = campaign_service_pb2.ListCandidatesRequest(
                name=name, all_accepted=all_accepted, page_size=_PAGE, page_token=token
            )
            page: campaign_service_pb2.ListCandidatesResponse
            page = self._call(self._stub.ListCandidates, request)
            yield from page.candidates
            token = page.next_page_token
            if not token:
                return

    def lineage(
        self, name: str, candidate: int | None = None
    ) -> list[campaign_service_pb2.Candidate]:
        """A candidate with its ancestors, parents before children; without a number the
        best member. Errors: NotFound."""
        request = campaign_service_pb2.GetLineageRequest(name=name, candidate=candidate)
        answer: campaign_service_pb2.GetLineageResponse
        answer = self._call(self._stub.GetLineage, request)
        return [*answer.candidates]

    def workers(self) -> list[campaign_service_pb2.Worker]:
        """Who is connected, by name."""
        request = campaign_service_pb2.ListWorkersRequest()
        answer: campaign_service_pb2.ListWorkersResponse
        answer = self._call(self._stub.ListWorkers, request)
        return [*answer.workers]

    def watch(
        self,
        name: str,
        *,
        after_revision: int = 0,
        interval_s: float = 0.5,
        patience_s: float = 120.0,
    ) -> Iterator[campaign_pb2.Campaign]:
        """The campaign as it is, then after its changes, until it has ended.

        Goes on by revision after a broken connection, for as long as the coordinator is
        away for less than `patience_s`. Only revisions above `after_revision` are
        given, so that a new watch() takes up an old one; changes that follow quickly
        are one. At most one per `interval_s` (0.05 … 60).
        Errors: NotFound, also when it is deleted meanwhile; Unavailable at once if the
        coordinator cannot be reached at first.
        """
        uid: str | None = None
        pause_s = _FIRST_PAUSE_S
        away_since: float | None = None
        while True:
            try:
                for campaign in self._watch_once(name, uid, interval_s):
                    uid = campaign.uid
                    pause_s, away_since = _FIRST_PAUSE_S, None
                    if campaign.revision > after_revision:
                        after_revision = campaign.revision
                        yield campaign
                    if has_ended(campaign):
                        return
            except MerganserError as error:
                now = time.monotonic()
                away_since = away_since or now
                if uid is None or error.code not in _PASSING or now - away_since >= patience_s:
                    raise
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def scores(self, name: str) -> scores.Archive:
        """The archive's members with their score on each search datapoint.
        Errors: NotFound; FailedPrecondition before the seeds are known."""
        return scores.archive_of(self.export(name, without_log=True).header)

    def export(self, name: str, *, without_log: bool = False) -> Export:
        """What the coordinator keeps of a campaign: header with archive and curve, Gram
        sums, and, one entry per child, the log. The command `merganser export` makes
        the winner's weights out of it.
        Errors: NotFound; FailedPrecondition before the Gram sums are known."""
        request = campaign_service_pb2.ExportCampaignRequest(name=name, without_log=without_log)
        export = Export()
        gram = []
        parts: Iterable[campaign_service_pb2.ExportCampaignResponse]
        parts = self._stream(self._stub.ExportCampaign, request)
        for part in parts:
            kind = part.WhichOneof("part")
            if kind == "header":
                export.header = part.header
            elif kind == "gram":
                gram.append(part.gram)
            elif kind == "log":
                export.log.extend(part.log.entries)
        export.gram = b"".join(gram)
        return export

    def _watch_once(
        self, name: str, uid: str | None, interval_s: float
    ) -> Iterator[campaign_pb2.Campaign]:
        """One connection."""
        now = self.get(name)
        if uid is not None and now.uid != uid:
            raise NotFound(
                f'campaign "{name}" was deleted; another has its name now',
                grpc.StatusCode.NOT_FOUND,
            )
        yield now
        if has_ended(now):
            return
        request = campaign_service_pb2.WatchCampaignRequest(
            name=name, after_revision=now.revision, interval_ms=round(interval_s * 1000)
        )
        changes: Iterable[campaign_service_pb2.WatchCampaignResponse]
        changes = self._stream(self._stub.WatchCampaign, request)
        for change in changes:
            yield change.campaign

    def _call(self, method: Callable[..., _Answer], request: object) -> _Answer:
        try:
            return method(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise from_rpc(error, self.address) from None

    def _stream(self, method: Callable[..., Any], request: object) -> Iterator[Any]:
        call = method(request)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_rpc(error, self.address) from None
        finally:
            call.cancel()
