from dagster import (
    DagsterInstance,
    Failure,
    RunRequest,
    SkipReason,
    build_run_status_sensor_context,
    build_sensor_context,
    job,
    op,
)

from orchestration.ingest.landing import last_complete_day
from orchestration.ingest.loader import load_days
from orchestration.resources import Platform
from orchestration.sensors import alert_on_failure, new_landing_files

ROW = "tenant_id,device_id,metric,msg_seq,quantity,device_ts,received_at\n"


def put(folder, day, name):
    path = folder / "region=eu" / f"date={day}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ROW + f"acme,d1,energy,1,{len(name)},{day}T00:00:00Z,{day}T00:00:01Z\n")


def tick(settings, monkeypatch):
    monkeypatch.setenv("METERLINE_HOME", str(settings.home))
    monkeypatch.setenv("METERLINE_LANDING", str(settings.home / "landing"))
    monkeypatch.setenv("METERLINE_DATABASE_URL", settings.database_url)
    return new_landing_files(build_sensor_context(resources={"platform": Platform()}))


def load_everything(platform, last):
    load_days(platform.settings, last.replace(year=2019, month=1, day=1), last)


def test_new_files_are_seen_also_in_days_that_were_processed(fresh_database, monkeypatch):
    landing = fresh_database.home / "landing"
    put(landing, "2019-02-01", "a.csv")
    put(landing, "2019-02-03", "b.csv")

    request = tick(fresh_database, monkeypatch)
    assert isinstance(request, RunRequest)
    assert request.tags["dagster/asset_partition_range_start"] == "2019-02-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2019-02-03"
    assert tick(fresh_database, monkeypatch).run_key == request.run_key

    load_everything(Platform(), last_complete_day())
    assert isinstance(tick(fresh_database, monkeypatch), SkipReason)

    put(landing, "2019-02-01", "late-comer.csv")
    again = tick(fresh_database, monkeypatch)
    assert again.tags["dagster/asset_partition_range_start"] == again.tags["dagster/asset_partition_range_end"]
    assert again.run_key != request.run_key


def test_a_day_that_still_fills_up_is_left_for_tomorrow(fresh_database, monkeypatch):
    today = last_complete_day().fromordinal(last_complete_day().toordinal() + 1)
    put(fresh_database.home / "landing", today.isoformat(), "a.csv")

    assert isinstance(tick(fresh_database, monkeypatch), SkipReason)


def test_a_failed_run_becomes_an_alert(monkeypatch, caplog):
    @op
    def break_down():
        raise Failure("the month has no price")

    @job
    def close_month():
        break_down()

    monkeypatch.delenv("METERLINE_ALERTS", raising=False)
    monkeypatch.setenv("METERLINE_UI_URL", "https://ui.example/")
    with DagsterInstance.ephemeral() as instance:
        result = close_month.execute_in_process(instance=instance, raise_on_error=False)
        (event,) = [event for event in result.all_events if event.is_run_failure]
        context = build_run_status_sensor_context(
            "alert_on_failure", dagster_event=event, dagster_instance=instance, dagster_run=result.dagster_run
        )
        alert_on_failure(context.for_run_failure())
    assert "close_month failed" in caplog.text
    assert f"https://ui.example/runs/{result.run_id}" in caplog.text
