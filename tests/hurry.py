"""dbt without some of its habits: each costs a step, which runs it once, little, and the suite most of its time.

Every model and test sends the database the same statements in the same transactions. Two things differ. A thread keeps
its session: what begins one is sent once, and what a node sets for its session, not its transaction, holds for those
after it, as do temporary relations. And dbt does not ask what leans on what, which it asks to know what a dropped view
takes along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

# By manifest, and whether tests stand between the models; the manifest is kept, so that no other takes its id.
GRAPHS: dict[tuple[int, bool], tuple[Any, Any]] = {}
# Byte code by the class of the environment, which is all that it depends on, and the template's text.
COMPILED: dict[tuple[type, str], Any] = {}
# By package of the node and the order of dbt's own: the macros, how many they were, and which has which name.
LAYOUTS: dict[tuple[str, ...], tuple[Any, int, Any]] = {}
# By graph and what is selected of it; the graph is kept, so that no other takes its id.
SUBSETS: dict[tuple[int, frozenset[str]], tuple[Any, Any]] = {}
# By the columns that are text, and what else is said of them.
TYPE_TESTERS: dict[tuple[frozenset[str], str], Any] = {}
# dbt's name for the macros of its own packages together.
GLOBAL = "dbt"


@contextmanager
def hurried_dbt() -> Iterator[None]:
    """dbt asks once what has one answer, keeps its connection, and tells nobody of its progress."""
    with ExitStack() as patches:
        for patch in (*_what_is_known(), *_what_nobody_reads()):
            patches.enter_context(patch)
        yield


def _what_is_known() -> list[Any]:
    from dbt.adapters.base.connections import BaseConnectionManager
    from dbt.compilation import Compiler
    from dbt.context import base
    from dbt.context.manifest import ManifestContext
    from dbt.graph.graph import Graph
    from dbt_common.clients import agate_helper
    from dbt_common.clients.jinja import MacroFuzzEnvironment, MacroFuzzTemplate, NativeSandboxTemplate

    closing_release, linking_compile = BaseConnectionManager.release, Compiler.compile
    build_type_tester = agate_helper.build_type_tester
    compile_template, subset = MacroFuzzEnvironment.compile, Graph.get_subset_graph

    def release(manager: BaseConnectionManager) -> None:
        connection = manager.get_if_exists()
        if connection is None or connection.state != "open" or connection.transaction_open:
            closing_release(manager)
        else:
            connection.handle.rollback()
            # It belongs to the first transaction of a session, which may be what is rolled back.
            connection.handle.cursor().execute(f"set role {connection.credentials.role}")

    def graph_once(compiler: Compiler, manifest: Any, write: bool = True, add_test_edges: bool = False) -> Any:
        key = (id(manifest), add_test_edges)
        if key not in GRAPHS:
            GRAPHS[key] = (manifest, linking_compile(compiler, manifest, write, add_test_edges))
        return GRAPHS[key][1]

    def subset_once(graph: Graph, selected: Iterable[str]) -> Graph:
        key = (id(graph), frozenset(selected))
        if key not in SUBSETS:
            SUBSETS[key] = (graph, subset(graph, key[1]))
        # The run takes from it what it has done.
        return Graph(SUBSETS[key][1].graph.copy())

    def compile_once(environment: Any, source: Any, *others: Any, **options: Any) -> Any:
        if others or options or not isinstance(source, str):
            return compile_template(environment, source, *others, **options)
        key = (type(environment), source)
        if key not in COMPILED:
            COMPILED[key] = compile_template(environment, source)
        return COMPILED[key]

    def type_tester_once(text_columns: Iterable[str], *null_values: Any, **options: Any) -> Any:
        key = (frozenset(text_columns), repr((null_values, options)))
        if key not in TYPE_TESTERS:
            TYPE_TESTERS[key] = build_type_tester(key[0], *null_values, **options)
        return TYPE_TESTERS[key]

    nothing, modules = agate_helper.empty_table(), base.get_context_modules()
    return [
        # The graph is that of the manifest, which is parsed once.
        mock.patch.object(Compiler, "compile", graph_once),
        mock.patch.object(Graph, "get_subset_graph", subset_once),
        # Templates are those of the manifest too, and each asks for few of a thousand macros.
        mock.patch.object(MacroFuzzEnvironment, "compile", compile_once),
        # It would copy the whole context for each argument of a test; that of other templates does not.
        mock.patch.object(NativeSandboxTemplate, "new_context", MacroFuzzTemplate.new_context),
        mock.patch.object(ManifestContext, "_build_namespace", _laid_out()),
        mock.patch.object(base, "get_context_modules", return_value=modules),
        # Each result is a table, made with the means to read dates in the words of any language.
        mock.patch.object(agate_helper, "build_type_tester", type_tester_once),
        mock.patch.object(agate_helper, "empty_table", return_value=nothing),
        # After every model it closes its connection, which it could use for the next one.
        mock.patch.object(BaseConnectionManager, "release", release),
    ]


class Named(dict[str, Any]):
    """Has all values that `make` makes, each from the time when somebody asks for it."""

    def __init__(self, places: Mapping[str, Any], make: Callable[[Any], Any]) -> None:
        """Take by name what to give to `make`."""
        super().__init__()
        self.places, self.make = places, make

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in self.places

    def __missing__(self, name: str) -> Any:
        self[name] = self.make(self.places[name])
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> Any:
        # Whoever copies it gets everything.
        return dict.fromkeys(self.places) | dict.fromkeys(super().keys())

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


def _laid_out() -> Callable[[Any], Any]:
    """dbt's own namespace of macros, laid out once for all nodes of a package."""
    from dbt.clients.jinja import MacroGenerator
    from dbt.context.macros import MacroNamespace

    class Namespace(MacroNamespace):
        """Looks a name up once, where dbt's looks through five dictionaries."""

        context: Named

        def keys(self) -> Any:
            # A template's context, which is given all of them, has them already, less those that it has of its own.
            return [name for name in list(dict.keys(self.context)) if name in self.context.places]

        def __getitem__(self, name: str) -> Any:
            return self.context.make(self.context.places[name])

    def build(context: Any) -> Any:
        builder, macros_by_package = context._get_namespace_builder(), context.manifest.get_macros_by_package()
        key = (builder.root_package, builder.search_package, *builder.internal_package_names_order)
        count = sum(len(package) for package in macros_by_package.values())
        made_of, known, layout = LAYOUTS.get(key, (None, 0, None))
        if made_of is not macros_by_package or known != count:
            layout = _layout(builder.build_namespace(macros_by_package, {}))
            LAYOUTS[key] = (macros_by_package, count, layout)
        root, own, internal, packages, everything = layout

        def macro(found: Any) -> Any:
            return MacroGenerator(found, context._ctx, builder.node, builder.thread_ctx)

        def macro_or_package(found: Any) -> Any:
            return namespaces[found] if isinstance(found, str) else macro(found)

        namespaces = {name: Named(places, macro) for name, places in packages.items()}
        ours = namespaces[GLOBAL] = Named(internal, macro)
        context._ctx = Named(everything, macro_or_package)
        made = Namespace(Named(root, macro), Named(own, macro), ours, namespaces)
        made.context = context._ctx
        return made

    return build


def _layout(namespace: Any) -> Any:
    """By name its macro: in the root package, the node's, dbt's own, each other one, and as a template finds it."""

    def macros(generators: Mapping[str, Any]) -> dict[str, Any]:
        return {name: generator.macro for name, generator in generators.items()}

    packages = {package: macros(generators) for package, generators in namespace.packages.items()}
    parts = (
        macros(namespace.local_namespace),
        macros(namespace.global_namespace),
        {package: package for package in packages},
        {GLOBAL: GLOBAL},
        macros(namespace.global_project_namespace),
    )
    everything: dict[str, Any] = {}
    for part in reversed(parts):
        everything |= part
    return parts[1], parts[0], parts[4], packages, everything


def _what_nobody_reads() -> list[Any]:
    """Files and messages, which tests/integration/test_dbt_runs.py reads of a dbt that has all its habits."""
    from dbt.adapters.postgres.impl import PostgresAdapter
    from dbt.contracts.graph.nodes import ParsedNode
    from dbt_common.behavior_flags import BehaviorFlagRendered
    from dbt_common.events.base_types import BaseEvent
    from dbt_common.events.event_manager import EventManager

    return [
        # What leans on what is only asked by what drops a view.
        mock.patch.object(PostgresAdapter, "_link_cached_relations", return_value=None),
        # For a label in its log it looks every frame of the stack up among all modules: seconds, in a process of tests.
        mock.patch.object(BehaviorFlagRendered, "_default_source", return_value="dbt.adapters.postgres.impl"),
        mock.patch.object(ParsedNode, "write_node", return_value=""),
        # An event is made of its words when somebody asks for them.
        mock.patch.object(BaseEvent, "__init__", _remember),
        mock.patch.object(BaseEvent, "__getattr__", _words_of(BaseEvent.__init__)),
        mock.patch.object(EventManager, "fire_event", _ignore),
    ]


def _remember(event: Any, *arguments: Any, **words: Any) -> None:
    event.__dict__["told"] = (arguments, words)


def _ignore(manager: Any, event: Any, *arguments: Any, **options: Any) -> None:
    """A function: a mock would keep all calls."""


def _words_of(telling: Any) -> Any:
    def words(event: Any, name: str) -> Any:
        if "pb_msg" not in event.__dict__:
            arguments, words = event.__dict__["told"]
            telling(event, *arguments, **words)
        return event.pb_msg if name == "pb_msg" else getattr(event.pb_msg, name)

    return words
