"""Schedules: the day after it was received, and the month after its grace. Off until somebody turns them on."""

from datetime import timedelta

from dagster import (
    DefaultScheduleStatus,
    RunRequest,
    ScheduleEvaluationContext,
    build_schedule_from_partitioned_job,
    schedule,
)

from orchestration.jobs import check_tables, close_period, load_config, process_days, reconcile, verify

process_yesterday = build_schedule_from_partitioned_job(
    process_days,
    name="process_yesterday",
    hour_of_day=1,
    minute_of_hour=15,
    default_status=DefaultScheduleStatus.STOPPED,
)


@schedule(job=close_period, cron_schedule="30 5 * * *", default_status=DefaultScheduleStatus.STOPPED)
def close_previous_month(context: ScheduleEvaluationContext) -> RunRequest:
    """Close what is due of the month before, every morning: contracts differ in grace, and a repeat is a no-op."""
    tick = context.scheduled_execution_time
    month = (tick.replace(day=1) - timedelta(days=1)).strftime("%Y-%m-01")
    return RunRequest(run_key=f"close-{month}-{tick:%Y-%m-%d}", partition_key=month)


@schedule(job=load_config, cron_schedule="*/15 * * * *", default_status=DefaultScheduleStatus.STOPPED)
def load_configuration_regularly() -> RunRequest:
    """Pick up configuration that was merged."""
    return RunRequest()


@schedule(job=verify, cron_schedule="0 4 * * 0", default_status=DefaultScheduleStatus.STOPPED)
def verify_weekly() -> RunRequest:
    """Prove the books once a week, in the quiet hours."""
    return RunRequest()


@schedule(job=check_tables, cron_schedule="0 3 * * 0", default_status=DefaultScheduleStatus.STOPPED)
def check_tables_weekly() -> RunRequest:
    """Whether lines sum to invoices and use to events, over everything that is kept."""
    return RunRequest()


@schedule(job=reconcile, cron_schedule="0 6 * * 1", default_status=DefaultScheduleStatus.STOPPED)
def reconcile_weekly() -> RunRequest:
    """What came too late during the week is on the desk on Monday morning."""
    return RunRequest()
