"""dbt's page made fit to be handed on: without this machine's folders, without a tracker, with readable columns.

dbt embeds its manifest with absolute paths. Its template brings a visitor tracker, which a project's settings turn off;
here the page forgets whom it would have told. It also cuts the description of a column off after three words.
"""

from __future__ import annotations

import json

from orchestration.errors import MeterlineError

# What the page does not show and only the machine that built it has.
FOLDERS = ("build_path", "compiled_path")
# Where the template fetches its tracker, and whom that tells.
TRACKER_ADDRESSES = ("//d1fc8wv8zag5ca.cloudfront.net/2.9.0/sp.js", "fishtownanalytics.sinter-collect.com")
# How the template shows a column's description, and how it is shown whole, its words in code set as code.
IN_FULL = {
    "text-overflow: ellipsis; overflow-x: hidden; white-space: nowrap; max-width: 1px;": "width: 60%;",
    '<span ng-show="!column.expanded">{{ column.description }}</span>': (
        '<span ng-show="!column.expanded" marked="column.description"></span>'
    ),
}


def shareable(page: str, manifest: str) -> str:
    """The static page, fit to be handed on; `manifest` is the JSON text that dbt embedded in it.

    Raises MeterlineError when the text is not in the page as it was written, because then nothing can be removed.
    """
    if manifest not in page:
        raise MeterlineError("dbt's page does not hold the manifest beside it; run `meterline docs` again")
    for address in TRACKER_ADDRESSES:
        page = page.replace(address, "")
    for cut_off, whole in IN_FULL.items():
        page = page.replace(cut_off, whole)
    return page.replace(manifest, _without_folders(manifest))


def _without_folders(manifest: str) -> str:
    document = json.loads(manifest)
    for node in document["nodes"].values():
        node.update(dict.fromkeys(FOLDERS))
    return json.dumps(document, separators=(",", ":"))
