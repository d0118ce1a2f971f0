"""What handlers find in the application."""

from __future__ import annotations

import asyncpg
from aiohttp import web

POOL: web.AppKey[asyncpg.Pool[asyncpg.Record]] = web.AppKey("POOL", asyncpg.Pool)  # Reads only.
