"""What Drift's programs are called on chain."""

from __future__ import annotations

from indexer.core import base58

NAME = "drift"
DRIFT = base58.key("dRiftyHA39MWEi3m9aunc5MzRF1JYuBsbn6VPcn33UH")
VAULTS = base58.key("vAuLTsyrvSfZRuRB3XgvkPwNGgYSs9YRYymVebLKoxR")
