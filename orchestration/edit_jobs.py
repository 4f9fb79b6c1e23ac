"""The job that records an edit of a stored event."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from dagster import AssetKey, AssetObservation, Config, OpExecutionContext, job, op

from orchestration import edits
from orchestration.errors import BadInputError
from orchestration.failures import clear_failures
from orchestration.resources import Platform

EVENTS = AssetKey(["finance", "billing_events"])


class EditConfig(Config):
    """The event by its identity (`measured_at` only where its number came again), its number, by whom, and why."""

    tenant_id: str
    device_id: str
    metric: str
    msg_seq: int
    seq_epoch: int = 0
    measured_at: str = ""
    quantity: str
    by: str
    because: str

    def identity(self) -> edits.Identity:
        """The event. Raises BadInputError for a time without a zone."""
        measured_at = None
        if self.measured_at:
            try:
                measured_at = datetime.fromisoformat(self.measured_at)
            except ValueError as error:
                raise BadInputError(f"--measured-at {self.measured_at!r} is no ISO 8601 time") from error
            if measured_at.tzinfo is None:
                raise BadInputError(f"--measured-at {self.measured_at!r} has no zone; write it as in device_ts")
        return edits.Identity(self.tenant_id, self.device_id, self.metric, self.msg_seq, self.seq_epoch, measured_at)

    def number(self) -> Decimal:
        """The quantity. Raises BadInputError for what is no number."""
        try:
            return Decimal(self.quantity)
        except InvalidOperation as error:
            raise BadInputError(f"{self.quantity!r} is no number") from error


@op
def record_edit(context: OpExecutionContext, config: EditConfig, platform: Platform) -> None:
    """Let a number stand for the one that was delivered, as the decision of a named person; `process` counts it."""
    with clear_failures(), platform.session("meterline_approver") as session:
        found = edits.edit(session, config.identity(), config.number(), config.by, config.because)
    shown = {name: str(value) for name, value in found.items() if value is not None}
    context.log_event(
        AssetObservation(asset_key=EVENTS, metadata=shown | {"edited_quantity": config.quantity, "by": config.by})
    )


@job(description="Edit the number of a stored event, as the recorded decision of a named person.")
def edit_event() -> None:
    """One step; the decision is in the audit log and in finance.edits."""
    record_edit()
