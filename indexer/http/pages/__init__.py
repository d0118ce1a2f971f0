"""Web pages: what an analyst sees without writing SQL, and an operator at a glance."""

from indexer.http.pages.answering import nowhere
from indexer.http.pages.mounted import routes

__all__ = ["nowhere", "routes"]
