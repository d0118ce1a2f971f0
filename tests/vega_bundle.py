"""The scripts that draw charts, bundled from vl-convert: `make vega` writes them to `indexer/report/vega.js`."""

from __future__ import annotations

import vl_convert

from indexer.report.charts import BUNDLE


def made() -> str:
    """Vega, Vega-Lite, vega-embed and the interpreter of expressions, as one module; it takes seconds."""
    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")


if __name__ == "__main__":
    BUNDLE.write_text(made(), encoding="utf-8")
