"""What every verb needs first: a database that is ready, with the relations of this release."""

from __future__ import annotations

from orchestration.settings import Settings


def prepared() -> Settings:
    """Settings of a platform whose database is ready and whose relations are deployed."""
    from orchestration import dbt
    from orchestration.console import working
    from orchestration.database import platform

    settings = Settings.from_environment()
    with working("preparing the database"):
        platform.ready(settings)
        dbt.manifest_path(settings)
        if dbt.deploy(settings):
            from orchestration import deployment

            deployment.announce(settings)
    return settings
