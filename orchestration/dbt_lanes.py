"""The models of a load once for each lane, in one run of dbt: lanes work at the same time, each on its own tenants.

A lane's working tables and the views on them lie in a schema apart; what is stored, and what tells of a run as a whole,
there is once. The project knows nothing of it but macro `in_lane`: nodes of the parsed project are copied in memory.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Container, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from typing import Any

from dbt.contracts.graph.manifest import Manifest

from orchestration import dbt_runs
from orchestration.settings import Settings

# Where the working tables of all lanes but the first lie; a migration made it.
SCHEMA = "lanes"
# Tag of the models of a load, and the option of those that are built once, after all lanes.
LOAD, ALL_LANES = "load", "all_lanes"
# How bad a result is, from best to worst.
LEVELS = ("debug", "info", "warn", "error")
BROKEN = ("warn", "error")
_SUFFIX = ".lane_"


def in_lanes(manifest: Manifest) -> dict[str, Any]:
    """Models that are built in each lane, and the tests of their data, by unique id.

    They are the models of a load, and the views between them: what a view reads lies in the lane.
    """
    nodes: Mapping[str, Any] = manifest.nodes
    load = {key for key, node in nodes.items() if _is_model(node) and LOAD in node.tags and not _is_for_all(node)}
    working = {key for key in load if nodes[key].config.materialized == "scratch"}
    between = {key for key in _ancestors(nodes, load) if nodes[key].config.materialized == "view"}
    views = {key for key in between if working & _ancestors(nodes, {key})}
    tested = {key for key, node in nodes.items() if node.resource_type == "test" and (working | views) & _parents(node)}
    return {key: nodes[key] for key in sorted(load | views | tested)}


def run(settings: Settings, arguments: Sequence[str], step: str, starts: Sequence[int]) -> Generator[Any]:
    """Run dbt in lanes that begin with those tenants, a thread for each; yields its events, results once for all lanes.

    Raises DbtError.
    """
    manifest = dbt_runs.deployed_project(settings)
    threads = [] if "--threads" in arguments else ["--threads", str(max(len(starts), _threads()))]
    with closing(dbt_runs.run(settings, [*arguments, *threads], step, laned(manifest, starts))) as events:
        yield from told_once(events, in_lanes(manifest), len(starts))


def laned(manifest: Manifest, starts: Sequence[int]) -> Manifest:
    """The project with what is built in lanes once for each, by the number of its first tenant.

    Nothing of the given one is changed.
    """
    originals = in_lanes(manifest)
    by_lane = [{key: _copy(node, lane, starts) for key, node in originals.items()} for lane in range(len(starts))]
    for lane, copies in enumerate(by_lane):
        for copy in copies.values():
            copy.depends_on.nodes = [_in_lane(key, lane) if key in originals else key for key in _parents_of(copy)]
    last: dict[str, Any] = {
        key: deepcopy(node) for key, node in manifest.nodes.items() if _is_model(node) and _is_for_all(node)
    }
    for node in last.values():
        awaited = [key for key in _parents_of(node) if key in originals]
        node.depends_on.nodes += [_in_lane(key, lane) for key in awaited for lane in range(1, len(starts))]
    together = {copy.unique_id: copy for copies in by_lane for copy in copies.values()}
    return _Laned(manifest, {**last, **together})


def told_once(events: Iterable[Any], originals: Container[str], lanes: int) -> Generator[Any]:
    """dbt's events; what became of a model or test when all its lanes have ended: the worst of it, under its name."""
    waiting: defaultdict[str, list[Any]] = defaultdict(list)
    for event in events:
        if event.info.name not in dbt_runs.TOLD:
            yield event
            continue
        key = event.data.node_info.unique_id.partition(_SUFFIX)[0]
        waiting[key].append(event)
        if len(waiting[key]) == (lanes if key in originals else 1):
            yield _worst(key, waiting.pop(key))
    # Where another lane did not come to it.
    for key, results in waiting.items():
        if any(result.info.level in BROKEN for result in results):
            yield _worst(key, results)


class _Laned(Manifest):
    """A parsed project in which what a lane's copy refers to is the copy of that lane."""

    def __init__(self, manifest: Manifest, changed: Mapping[str, Any]) -> None:
        self.__dict__.update(manifest.__dict__)
        self.nodes = {**manifest.nodes, **changed}
        # What macros know as `graph`.
        shown = {key: node.to_dict(omit_none=False) for key, node in changed.items()}
        self.flat_graph = {**manifest.flat_graph, "nodes": {**manifest.flat_graph["nodes"], **shown}}

    def resolve_ref(self, source_node: Any, *name: Any, **names: Any) -> Any:
        """What a name stands for in the node that uses it."""
        target: Any = super().resolve_ref(source_node, *name, **names)
        lane = int(getattr(source_node, "unique_id", "").partition(_SUFFIX)[2] or 0)
        return target if target is None else self.nodes.get(_in_lane(target.unique_id, lane), target)


def _worst(key: str, results: Sequence[Any]) -> Any:
    """Of equals the last one."""
    worst = max(enumerate(results), key=lambda told: (LEVELS.index(told[1].info.level), told[0]))[1]
    worst.data.node_info.unique_id = key
    return worst


def _copy(node: Any, lane: int, starts: Sequence[int]) -> Any:
    copy = deepcopy(node)
    copy.config["lane"], copy.config["lane_starts"] = lane, list(starts)
    if lane > 0:
        copy.unique_id = _in_lane(node.unique_id, lane)
        # Where its SQL is kept.
        copy.path = f"lane_{lane}/{node.path}"
        if _is_model(node):
            # Of two models with one name dbt would find either.
            copy.name = f"{node.name}_lane_{lane}"
            copy.tags = [*node.tags, LOAD]
            copy.schema, copy.alias = SCHEMA, f"{node.alias}_{lane}"
            copy.relation_name = f'"{node.database}"."{SCHEMA}"."{copy.alias}"'
    return copy


def _in_lane(unique_id: str, lane: int) -> str:
    return f"{unique_id}{_SUFFIX}{lane}" if lane else unique_id


def _threads() -> int:
    """What the profile would take; where it is no number, that says so."""
    given = os.environ.get("METERLINE_DBT_THREADS", "")
    return int(given) if given.isdecimal() else 2


def _is_model(node: Any) -> bool:
    return bool(node.resource_type == "model")


def _is_for_all(node: Any) -> bool:
    return bool(node.config.get(ALL_LANES))


def _parents_of(node: Any) -> list[str]:
    return list(node.depends_on.nodes)


def _parents(node: Any) -> set[str]:
    return set(_parents_of(node))


def _ancestors(nodes: Mapping[str, Any], keys: Iterable[str]) -> set[str]:
    """Models that those are made from, however far back."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        parents = {key for key in _parents(nodes[waiting.pop()]) if key in nodes and _is_model(nodes[key])}
        waiting += parents - found
        found |= parents
    return found
