"""Whether the models that score use can: a version on record, the registry's alias on it, and its files."""

from __future__ import annotations

from orchestration.doctor.examination import Finding, Subject, unseen, well, wrong

SERVING = """
select distinct on (model_name, alias) model_name, alias, model_version, run_id
from store.model_versions
order by model_name, alias, model_version_id desc
"""
IS_REGISTRY_THERE = """
select to_regclass('mlflow.registered_model_aliases') is not null
from (select has_schema_privilege('mlflow', 'usage') as is_open) as registry
where is_open
"""
ALIASES = "select name, alias, version::text from mlflow.registered_model_aliases"
RETRAIN = "`meterline train --retrain` makes a version that serves"


def serving(subject: Subject) -> list[Finding]:
    """What the record says serves, beside the registry and the files."""
    recorded = subject.session.execute(SERVING).fetchall()
    if not recorded:
        return [well("no model was trained; none is needed to bill")]
    is_there = subject.session.execute(IS_REGISTRY_THERE).fetchone()
    if is_there is None:
        login = subject.login
        grants = f"grant usage on schema mlflow to {login}; grant select on mlflow.registered_model_aliases to {login}"
        return [unseen("the login may not read the registry's aliases", grants)]
    rows = subject.session.execute(ALIASES).fetchall() if is_there[0] else []
    aliases = {(name, alias): version for name, alias, version in rows}
    findings = []
    for name, alias, version, run_id in recorded:
        served = aliases.get((name, alias))
        if served != version:
            text = f"version {version} of {name} should serve as {alias}, the registry has {served or 'none'}"
            findings.append(wrong(text, "`meterline train` sets the alias back"))
        elif not (subject.settings.artifacts / run_id).exists():
            text = f"the files of version {version} of {name} are gone from METERLINE_ARTIFACTS"
            findings.append(wrong(text, f"restore {run_id} from the backup of the artifacts, or: {RETRAIN}"))
    return findings or [well(", ".join(f"{name} version {version}" for name, _, version, _ in recorded))]
