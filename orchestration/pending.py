"""Whether there is anything to process, found out without what a run takes seconds to import."""

from __future__ import annotations

from datetime import date

from orchestration.config.folder import checked_folder
from orchestration.database.connection import connect
from orchestration.ingest.unread import unread_files
from orchestration.settings import Settings

IS_SETTLED = """
select
    not exists (select from ledger.loads where status not in ('applied', 'unreadable'))
    and not exists (select from ledger.loads where status = 'applied' and events_judged_at is null)
"""
CONFIGURATION = "select content_sha256 from config.loads order by config_load_id desc limit 1"


def is_nothing_new(settings: Settings) -> bool:
    """Whether all files were read and all loads metered and judged, under the configuration as it is.

    Raises BadInputError for a configuration folder that is wrong.
    """
    with connect(settings, "meterline_ingest") as session:
        if session.execute(IS_SETTLED).fetchone() != (True,):
            return False
        if unread_files(session, settings.landing, date.min, date.max):
            return False
        loaded = session.execute(CONFIGURATION).fetchone()
    with checked_folder(settings.config_folder) as folder:
        return loaded == (folder.content_sha256,)
